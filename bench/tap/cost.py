"""What captures cost an Envoy: requests a second beside an Envoy without any, in paired runs.

    .venv/bin/python bench/tap/cost.py [--pairs N] [--seconds N] [--connections N]

Envoy runs on the first core with one worker; load, upstream and the hub share the others. The load
and the upstream are a program in Go (bench/tap/go), so Go has to be there. Each scenario is run in
turns with an Envoy that has neither tap filter nor access log; the numbers are medians of pairs.
``captured`` is the share of the answered requests that the hub saw.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[2]))

from mesh_traffic import Exchange
from mini_mesh.envoy_binary import find
from tap.coverage import Coverage
from tap.hub import Hub, TapTarget
from tap.keeper import Keeper
from tap.sources.access_log import access_logs
from tap.store import Store
from tap.topology import Endpoint, Listener, Topology

GO = Path(__file__).parent / "go"
BYTES = 2048
TYPES = "type.googleapis.com/envoy.extensions"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
MANAGER = "envoy.filters.network.http_connection_manager"


@dataclass(frozen=True)
class Scenario:
    """``filters``: the tap filter is in the chain; ``logs``: the access log is sent to the hub;
    ``watch``: somebody wants everything with bodies; ``store``: it is stored, too."""

    name: str
    filters: bool = False
    logs: bool = False
    watch: bool = False
    store: bool = False


NOTHING = Scenario("nothing")
WATCHED = Scenario("everything with bodies", filters=True, logs=True, watch=True)
SCENARIOS = (
    Scenario("tap filter there, nobody watches", filters=True),
    Scenario("access log of everything", filters=True, logs=True),
    Scenario("the same, stored", filters=True, logs=True, store=True),
    WATCHED,
    Scenario("the same, stored", filters=True, logs=True, watch=True, store=True),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name: str, where: dict[str, Any], **more: Any) -> dict[str, Any]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": where}}]}]
    assignment = {"cluster_name": name, "endpoints": endpoints}
    return {"name": name, "type": "STATIC", "load_assignment": assignment, **more}


def bootstrap(scenario: Scenario, port: int, admin: int, upstream: int, logs: Path) -> str:
    tap = {
        "name": "envoy.filters.http.tap",
        "typed_config": {
            "@type": f"{TYPES}.filters.http.tap.v3.Tap",
            "common_config": {"admin_config": {"config_id": "meshloom"}},
            "record_headers_received_time": True,
            "record_downstream_connection": True,
            "record_upstream_connection": True,
        },
    }
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router"},
    }
    log = {
        "name": "envoy.access_loggers.http_grpc",
        "typed_config": {
            "@type": f"{TYPES}.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {
                "log_name": "bench",
                "transport_api_version": "V3",
                "buffer_flush_interval": "0.02s",
                "grpc_service": {"envoy_grpc": {"cluster_name": "logs"}},
            },
        },
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}
    manager = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [tap, router] if scenario.filters else [router],
        "access_log": [log] if scenario.logs else [],
    }
    http2 = {
        OPTIONS: {
            "@type": f"type.googleapis.com/{OPTIONS}",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    listener = {
        "name": "bench",
        "address": address(port),
        "filter_chains": [{"filters": [{"name": MANAGER, "typed_config": manager}]}],
    }
    sink = cluster("logs", {"pipe": {"path": str(logs)}}, typed_extension_protocol_options=http2)
    return json.dumps(
        {
            "node": {"id": "bench", "cluster": "bench"},
            "admin": {"address": address(admin)},
            "static_resources": {
                "listeners": [listener],
                "clusters": [cluster("upstream", address(upstream)), sink],
            },
        }
    )


class Bench:
    """The programs of all runs: the load and the upstream, built once."""

    def __init__(self, folder: Path, seconds: int, connections: int) -> None:
        self.folder = folder
        self.seconds = seconds
        self.connections = connections
        self.program = folder / "go-bench"
        build = ["go", "build", "-o", str(self.program), "."]
        subprocess.run(build, cwd=GO, check=True)
        self.others = ",".join(str(each) for each in sorted(os.sched_getaffinity(0))[1:])
        self.first = str(min(os.sched_getaffinity(0)))

    async def run(self, scenario: Scenario) -> tuple[dict[str, float], float | None]:
        """What the load saw, and the share of it that was captured; None where nobody looked."""
        port, admin, upstream = free_port(), free_port(), free_port()
        logs = self.folder / "logs.sock"
        config = bootstrap(scenario, port, admin, upstream, logs)
        async with AsyncExitStack() as stack:
            serve = ["taskset", "-c", self.others, str(self.program), "serve", str(upstream)]
            await stack.enter_async_context(process(*serve, str(BYTES)))
            seen, hub = Seen(), None
            if scenario.logs:
                hub = await self.hub(stack, scenario, seen, port, admin, upstream, logs)
            envoy = [str(find().path), "--config-yaml", config, "--concurrency", "1"]
            quiet = ["--disable-hot-restart", "-l", "error"]
            await stack.enter_async_context(process("taskset", "-c", self.first, *envoy, *quiet))
            await ready(admin)
            if hub is not None and scenario.watch:
                await watched(hub, stack, seen)
            told = await self.load(port)
            await seen.all()
            return told, seen.count / told["requests"] if hub is not None else None

    async def hub(
        self,
        stack: AsyncExitStack,
        scenario: Scenario,
        seen: Seen,
        port: int,
        admin: int,
        upstream: int,
        logs: Path,
    ) -> Hub:
        keep = seen.keep
        if scenario.store:
            path = self.folder / f"{port}.tap"
            keeper = stack.enter_context(Keeper(lambda: Store(path)).running())

            def keep(exchanges: list[Exchange]) -> None:
                seen.keep(exchanges)
                keeper.keep(exchanges)

        topology = Topology(
            {f"127.0.0.1:{port}": Listener("bench", "outbound", "web", "v1")},
            {f"127.0.0.1:{upstream}": Endpoint("reviews", "v2")},
        )
        target = TapTarget("bench", f"127.0.0.1:{admin}")
        hub = Hub([target], topology, keep=keep, logged=True)
        await stack.enter_async_context(hub.running())
        await stack.enter_async_context(access_logs(logs, hub.open_log))
        return hub

    async def load(self, port: int) -> dict[str, float]:
        numbers = [str(each) for each in (port, self.connections, self.seconds, BYTES)]
        command = ["taskset", "-c", self.others, str(self.program), "load", *numbers]
        done = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await done.communicate()
        told: dict[str, float] = json.loads(out)
        return told


class Seen:
    """How many exchanges of the load the hub gave out."""

    def __init__(self) -> None:
        self.count = 0

    async def all(self) -> None:
        """Wait until no more comes: what is on its way is not lost."""
        before = -1
        while before != self.count:
            before = self.count
            await asyncio.sleep(1.5)

    def keep(self, exchanges: list[Exchange]) -> None:
        self.count += len(exchanges)


@asynccontextmanager
async def process(*command: str) -> AsyncIterator[None]:
    running = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        running.terminate()
        await running.wait()


async def ready(admin: int) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(f"http://127.0.0.1:{admin}/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # it has not come up yet
            await asyncio.sleep(0.05)
    raise RuntimeError("Envoy did not come up")


async def watched(hub: Hub, stack: AsyncExitStack, seen: Seen) -> None:
    """A viewer of everything with bodies, that reads."""
    viewer = stack.enter_context(hub.watch())
    async with asyncio.timeout(10):
        while True:
            event = await viewer.next()
            if isinstance(event, Coverage) and event.watching:
                break

    async def read() -> None:
        while True:
            await viewer.next()

    reading = asyncio.ensure_future(read())
    stack.callback(reading.cancel)


async def compare(bench: Bench, scenario: Scenario, pairs: int) -> None:
    ratios, tails, shares = [], [], []
    for _ in range(pairs):
        before, _ = await bench.run(NOTHING)
        told, captured = await bench.run(scenario)
        ratios.append(told["rate"] / before["rate"])
        tails.append(told["p99_ms"] / before["p99_ms"])
        shares.append(captured)
    share = "–" if None in shares else f"{min(each or 0.0 for each in shares):.4f}"
    spread = f"({min(ratios):.2f}–{max(ratios):.2f})"
    print(
        f"{scenario.name:<36}{statistics.median(ratios):6.2f} {spread:<14}"
        f"p99 × {statistics.median(tails):5.2f}   captured {share}   {told['rate']:,.0f}/s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    if not shutil.which("go") or not shutil.which("taskset"):
        sys.exit("bench/tap/cost.py needs Go, and taskset (util-linux)")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("bench/tap/cost.py needs two cores")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.seconds, options.connections)
        os.sched_setaffinity(0, cores[1:])
        for scenario in SCENARIOS:
            asyncio.run(compare(bench, scenario, options.pairs))


if __name__ == "__main__":
    main()
