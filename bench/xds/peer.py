"""One Envoy served by meshloom and by ``sovereign``: ``python bench/xds/peer.py [--clusters N …]``.

Prints one JSON object. The same Envoy gets the same resources, from a server in a process of its
own: over SotW, over Delta, by polling ours, and by polling ``sovereign`` (PyPI; installed into the
user's cache folder when it is first run). Envoy polls 0.1 s after each answer; ``sovereign`` looks
for changes once a second.

served    milliseconds from a changed route to Envoy's first answer that shows it
cpu       the server's processor time: for each change, with all polls until it is served, and for
          each second in which nothing changes
poll      the server's processor time for a poll that finds nothing new, with the request of a real
          Envoy, one after the other
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import programs
import sovereign_plane
from aiohttp import web
from envoy_plane import EVERY, NODE
from measure import Poller, rounded

from tests.xds_server.real_envoy import running_envoy

IDLE = 3.0  # seconds in which nothing changes
POLLS = 30
LEAST = 0.01  # milliseconds that can be told from nothing
Change = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Server:
    """``session`` is that of its processes, ``grpc`` and ``http`` are its ports."""

    session: int
    change: Change
    http: int
    grpc: int = 0

    def cpu_ms(self) -> float:
        """The time that the threads of the session's processes have run."""
        return sum(_cpu_ms(each, self.session) for each in Path("/proc").glob("[0-9]*"))


def _cpu_ms(process: Path, session: int) -> float:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        if int(fields[3]) != session:
            return 0.0
        ran = [int(each.read_text().split()[0]) for each in process.glob("task/*/schedstat")]
    except OSError:
        return 0.0  # it ended meanwhile
    return sum(ran) / 1e6


@asynccontextmanager
async def ours(folder: Path, clusters: int) -> AsyncIterator[Server]:
    script = Path(__file__).with_name("envoy_plane.py")
    options = ("--clusters", str(clusters), "--dump", str(folder / "mesh.json"))
    async with programs.running(sys.executable, str(script), *options) as plane:
        listening = await plane.until("listening")

        async def change(body: str) -> None:
            plane.tell(body)

        yield Server(plane.session, change, listening["http"], listening["port"])


@asynccontextmanager
async def theirs(folder: Path, language: str) -> AsyncIterator[Server]:
    mesh = folder / "mesh.json"
    text = mesh.read_text()

    async def change(body: str) -> None:
        new = folder / "new.json"
        new.write_text(re.sub(r'"inline_string": "\d+"', f'"inline_string": "{body}"', text))
        new.replace(mesh)

    async with sovereign_plane.running(folder, mesh, language) as (port, session):
        yield Server(session, change, port)


def polling(port: int) -> dict[str, Any]:
    """Parts of a bootstrap: everything is polled for."""
    api = {
        "api_type": "REST",
        "transport_api_version": "V3",
        "cluster_names": ["xds"],
        "refresh_delay": f"{EVERY}s",
        "request_timeout": "30s",  # 1 s by default, in which some do not answer
    }
    source = {"api_config_source": api, "resource_api_version": "V3"}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    hosts = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    assignment = {"cluster_name": "xds", "endpoints": hosts}
    return {
        "dynamic_resources": {"cds_config": source, "lds_config": source},
        "static_resources": {
            "clusters": [{"name": "xds", "type": "STATIC", "load_assignment": assignment}]
        },
    }


async def with_envoy(server: Server, how: str, changes: int) -> dict[str, float]:
    more = polling(server.http) if how == "poll" else {}
    variant = "SotW" if how == "poll" else how
    async with running_envoy(server.grpc or 1, NODE, variant, more) as envoy:
        await envoy.until_admin()
        await envoy.until_listening()
        poller = Poller()
        await poller.connect(envoy)
        took, cpu = [], []
        for step in range(1, changes + 1):
            body = str(time.time_ns())
            before, started = server.cpu_ms(), time.perf_counter()
            await server.change(body)
            await asyncio.wait_for(poller.until(body.encode()), 30)
            took.append((time.perf_counter() - started) * 1e3)
            cpu.append(server.cpu_ms() - before)
            await asyncio.sleep(0.05 + 0.037 * (step % 10))  # not in step with anybody's cadence
        before = server.cpu_ms()
        await asyncio.sleep(IDLE)
        idle = (server.cpu_ms() - before) / IDLE
    return {
        "served_ms": statistics.median(took),
        "served_ms_max": max(took),
        "cpu_ms_per_change": statistics.mean(cpu),
        "cpu_ms_per_idle_second": idle,
    }


async def a_poll() -> dict[str, Any]:
    """The first request for clusters that an Envoy polls with."""
    caught: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def catch(request: web.Request) -> web.Response:
        if not caught.done():
            caught.set_result(await request.json())
        return web.Response(status=304)

    app = web.Application()
    app.router.add_post("/v3/discovery:clusters", catch)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with running_envoy(1, NODE, "SotW", polling(runner.addresses[0][1])):
            return await asyncio.wait_for(caught, 15)
    finally:
        await runner.cleanup()


async def unchanged(server: Server, request: dict[str, Any]) -> dict[str, float]:
    url = f"http://127.0.0.1:{server.http}/v3/discovery:clusters"
    async with aiohttp.ClientSession() as http:
        async with http.post(url, json=request) as first:
            held = {**request, "version_info": (await first.json())["version_info"]}
        before, started = server.cpu_ms(), time.perf_counter()
        for _ in range(POLLS):
            async with http.post(url, json=held) as response:
                assert response.status == 304, await response.text()
        took = (time.perf_counter() - started) * 1e3
    return {"poll_ms": took / POLLS, "poll_cpu_ms": (server.cpu_ms() - before) / POLLS}


async def compared(
    clusters: int, changes: int, request: dict[str, Any], language: str
) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with ours(folder, clusters) as server:
            for how in ("SotW", "Delta", "poll"):
                facts[f"meshloom, {how}"] = await with_envoy(server, how, changes)
            facts["meshloom, poll"] |= await unchanged(server, request)
        async with theirs(folder, language) as server:
            them = await with_envoy(server, "poll", min(changes, 15))
            facts["sovereign, poll"] = them | await unchanged(server, request)
    facts["ratio"] = _ratios(facts)
    return facts


def _ratios(facts: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Theirs by each of ours: how many times ours is ahead."""
    them = facts["sovereign, poll"]
    return {
        name: {key: them[key] / max(value, LEAST) for key, value in found.items()}
        for name, found in facts.items()
        if name.startswith("meshloom")
    }


async def main(found: argparse.Namespace) -> None:
    sovereign_plane.install()
    request = await a_poll()
    facts: dict[str, Any] = {
        "cpus": os.cpu_count(),
        "sovereign": sovereign_plane.VERSION,
        "sovereign_templates": found.templates,
        "poll_bytes": len(json.dumps(request)),
        "poll_every_s": EVERY,
        "sovereign_refresh_s": sovereign_plane.REFRESH,
    }
    for clusters in found.clusters:
        name = f"{clusters} other clusters"
        facts[name] = await compared(clusters, found.changes, request, found.templates)
    print(json.dumps(rounded(facts), indent=2))


if __name__ == "__main__":
    formatter = argparse.RawDescriptionHelpFormatter
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    arguments.add_argument(
        "--templates", choices=sovereign_plane.TEMPLATES, default="python", help="sovereign's"
    )
    arguments.add_argument("--clusters", nargs="+", type=int, default=[10, 1_000])
    arguments.add_argument(
        "--changes", type=int, default=50, help="ours; of sovereign's at most 15"
    )
    asyncio.run(main(arguments.parse_args()))
