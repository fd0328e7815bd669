"""What the benches of captures share: the programs in Go, one Envoy, with or without a hub.

The proxy has the first core and one worker; load, upstream and the hub share the others.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from mesh_patterns.placement import GATE
from mesh_traffic import Exchange
from mini_mesh.envoy_binary import find
from tap.language.match import read_match
from tap.live.coverage import Coverage
from tap.live.hub import Hub, TapTarget
from tap.live.keeper import Keeper
from tap.live.server import Asked
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
    """``filters``: the tap filter is in the chain; ``more`` are others, as a listener has them;
    ``logs``: the access log is sent to the hub; ``viewers``: what each of those who watch, with
    bodies, wants; ``store``: it is stored, too."""

    name: str
    filters: bool = False
    logs: bool = False
    viewers: tuple[str, ...] = ()
    store: bool = False
    more: tuple[dict[str, Any], ...] = ()


NOTHING = Scenario("nothing")
WATCHED = Scenario("everything with bodies", filters=True, logs=True, viewers=("",))
STORED = replace(WATCHED, name="the same, stored", store=True)


@dataclass(frozen=True)
class Told:
    """What the load saw, the proxy's CPU for each request, and the shares of the requests that were
    ``captured``, and that with bodies (``whole``); None where nobody looked."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    captured: float | None = None
    whole: float | None = None

    def shares(self) -> str:
        if self.captured is None:
            return ""
        return f"captured {self.captured:.4f}, with bodies {self.whole or 0.0:.4f}"


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
        "http_filters": [*([tap] if scenario.filters else []), *scenario.more, router],
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
                "clusters": [cluster("upstream", address(upstream)), sink, {**sink, "name": GATE}],
            },
        }
    )


class Bench:
    """The programs of all runs: the load and the upstream, built once."""

    def __init__(self, folder: Path, seconds: int, connections: int) -> None:
        self.folder = folder
        self.seconds = seconds
        self.connections = connections
        self.program = built(folder)
        first, *others = sorted(os.sched_getaffinity(0))
        if not others or not shutil.which("taskset"):
            sys.exit("this needs two cores, and taskset (util-linux)")
        self.proxy = ("taskset", "-c", str(first))
        self.beside = ("taskset", "-c", ",".join(map(str, others)))
        os.sched_setaffinity(0, others)

    async def run(self, scenario: Scenario) -> Told:
        port, admin, upstream = free_port(), free_port(), free_port()
        logs = self.folder / "logs.sock"
        config = bootstrap(scenario, port, admin, upstream, logs)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.upstream(upstream))
            seen, hub = Seen(), None
            if scenario.logs:
                hub = await self.hub(stack, scenario, seen, port, admin, upstream, logs)
            envoy = [str(find().path), "--config-yaml", config, "--concurrency", "1"]
            quiet = ["--disable-hot-restart", "-l", "error"]
            running = await stack.enter_async_context(process(*self.proxy, *envoy, *quiet))
            await ready(admin)
            if hub is not None:
                for viewer in scenario.viewers:
                    await watched(hub, stack, viewer)
            told = await self.load(port, running.pid)
            if hub is None:
                return told
            await seen.all()
            requests = told.rate * self.seconds
            return replace(told, captured=seen.count / requests, whole=seen.whole / requests)

    def upstream(self, port: int) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
        return process(*self.beside, str(self.program), "serve", str(port), str(BYTES))

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

    async def load(self, port: int, proxy: int) -> Told:
        """As many requests as ``port`` answers; ``proxy`` is whose CPU is told."""
        numbers = map(str, (port, self.connections, self.seconds, BYTES))
        command = [*self.beside, str(self.program), "load", *numbers]
        before = cpu_seconds(proxy)
        done = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await done.communicate()
        told = json.loads(out)
        used = 1e6 * (cpu_seconds(proxy) - before) / told["requests"]
        return Told(told["rate"], told["p50_ms"], told["p99_ms"], used)


class Seen:
    """How many exchanges of the load the hub gave out, and how many of them with bodies."""

    def __init__(self) -> None:
        self.count = self.whole = 0

    async def all(self) -> None:
        """Wait until no more comes: what is on its way is not lost."""
        before = -1
        while before != self.count:
            before = self.count
            await asyncio.sleep(1.5)

    def keep(self, exchanges: list[Exchange]) -> None:
        self.count += len(exchanges)
        self.whole += sum(bool(each.request.body.data) for each in exchanges)


def least(runs: Sequence[Told]) -> Told:
    """The one of which the least was captured whole."""
    return min(runs, key=lambda told: (told.whole or 0.0, told.captured or 0.0))


def built(folder: Path) -> Path:
    """The program in Go, built in ``folder``."""
    if not shutil.which("go"):
        sys.exit("the load is a program in Go: https://go.dev/dl")
    program = folder / "go-bench"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=GO, check=True)
    return program


@asynccontextmanager
async def process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):  # it has died, which shows in what was measured
            running.terminate()
        await running.wait()


def cpu_seconds(pid: int) -> float:
    """What a process and its threads have used of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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


async def watched(hub: Hub, stack: AsyncExitStack, expression: str) -> None:
    """A viewer of what matches, with bodies, that reads."""
    match = read_match(expression)
    viewer = stack.enter_context(hub.watch(match, Asked(bodies=True).wish(match)))
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


def spread(numbers: Sequence[float]) -> str:
    """``0.47 (0.41–0.52)``: the median, and all of it."""
    told = f"{statistics.median(numbers):.2f} ({min(numbers):.2f}–{max(numbers):.2f})"
    return f"{told:<18}"
