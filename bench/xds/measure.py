"""What the control plane costs, measured: ``python bench/xds/measure.py [--changes 200]``.

Prints one JSON object: milliseconds from a changed snapshot to the first answer of one real Envoy
that shows it (SotW and Delta, alone and with 1,000 other clusters), and the cost of reading Envoy's
first request, of writing a cluster, of building the mirrored classes, and of one change for a
thousand streams (the sessions' work alone, without the network).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.xds_server.real_envoy import Envoy, Events, running_envoy
from tests.xds_server.resources import address, answering, eds_cluster, endpoints, rds_listener
from xds_server.cache import Cache
from xds_server.mirror import serialize
from xds_server.node import NodeInfo
from xds_server.protos import cluster, endpoint
from xds_server.resource import Resource, ResourceType
from xds_server.serving import wire
from xds_server.serving.server import ADS, XdsServer
from xds_server.sessions.delta import DeltaSession
from xds_server.sessions.messages import DeltaRequest, DeltaResponse, SotwRequest, SotwResponse
from xds_server.sessions.sotw import SotwSession
from xds_server.snapshot import Snapshot

STREAMS = 1_000


def a_cluster(name: str, timeout: float = 1.0) -> cluster.Cluster:
    hosts = [
        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address(port))) for port in (80, 81)
    ]
    return cluster.Cluster(
        name=name,
        type=cluster.ClusterDiscoveryType.STATIC,
        connect_timeout=timedelta(seconds=timeout),
        load_assignment=endpoint.ClusterLoadAssignment(
            cluster_name=name, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=hosts)]
        ),
    )


class Poller:
    """Asks for ``/`` on one connection, as fast as the answers come."""

    async def connect(self, envoy: Envoy) -> None:
        await envoy.get()
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", envoy._ports["front"]
        )

    async def until(self, body: bytes) -> None:
        while True:
            self._writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if await self._reader.readexactly(length) == body:
                return


async def change_to_served(
    variant: str, others: int, with_cluster: bool, changes: int
) -> dict[str, float]:
    cache, events = Cache(), Events()
    server = XdsServer(cache, on_event=events)
    port = await server.start()
    fixed = [Resource.of(a_cluster(f"other-{i}")) for i in range(others)] + [rds_listener()]

    def changed(step: int) -> list[Resource]:
        moving = [Resource.of(a_cluster("moving", 1.0 + step))] if with_cluster or not step else []
        return [*moving, answering(str(step))]

    snapshot = first = Snapshot.of([*fixed, *changed(0)])
    cache.set("node", first)
    took = []
    async with running_envoy(port, "node", variant) as envoy:
        await events.until(lambda: events.status.applied("node", first))
        poller = Poller()
        await poller.connect(envoy)
        for step in range(1, changes + 1):
            snapshot = snapshot.replacing(changed(step))
            started = time.perf_counter()
            cache.set("node", snapshot)
            await poller.until(str(step).encode())
            took.append((time.perf_counter() - started) * 1e3)
            await events.until(lambda made=snapshot: events.status.applied("node", made))
    await server.stop()
    deciles = statistics.quantiles(took, n=10)
    return {"p50_ms": deciles[4], "p90_ms": deciles[8], "max_ms": max(took)}


async def first_request() -> dict[str, float]:
    """Envoy's own first request, caught by a server that does nothing else, and read by ours."""
    caught: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def catch(requests: AsyncIterator[bytes], context: Any) -> None:
        async for data in requests:
            if not caught.done():
                caught.set_result(data)

    method = {"StreamAggregatedResources": grpc.stream_stream_rpc_method_handler(catch)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(ADS, method),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with running_envoy(port, "node", "SotW"):
        data = await asyncio.wait_for(caught, 15)
    await server.stop(None)
    return {"bytes": len(data), "us": each_us(lambda: wire.parse_sotw(data), 500)}


def each_us(work: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) / times * 1e6


def writing() -> dict[str, float]:
    made = a_cluster("a")
    ours, stock = each_us(lambda: serialize(made), 2_000), each_us(lambda: bytes(made), 200)
    return {"us": ours, "stock_us": stock, "ratio": stock / ours}


def building() -> dict[str, float]:
    """In a fresh process: the import of the messages, and all mirrors that a mesh needs."""
    code = (
        "import time; a = time.perf_counter()\n"
        "from xds_server import protos\n"
        "b = time.perf_counter()\n"
        "from xds_server import mirror\n"
        "from xds_server.protos import cluster, discovery, endpoint, fault, hcm, http_options\n"
        "from xds_server.protos import listener, route, router, tap, wasm_filter\n"
        "c = time.perf_counter()\n"
        "for cls in (cluster.Cluster, endpoint.ClusterLoadAssignment, listener.Listener,\n"
        "            route.RouteConfiguration, hcm.HttpConnectionManager, router.Router, tap.Tap,\n"
        "            fault.HttpFault, wasm_filter.Wasm, http_options.HttpProtocolOptions,\n"
        "            discovery.DiscoveryRequest, discovery.DiscoveryResponse):\n"
        "    mirror.mirror_class(cls)\n"
        "print(b - a, c - b, time.perf_counter() - c)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, opened, built = (float(part) * 1e3 for part in done.stdout.split())
    return {"import_messages_ms": imported, "import_mirror_ms": opened, "build_ms": built}


def many_streams(kind: str, clusters: int) -> dict[str, float]:
    """One changed endpoint or cluster for a thousand streams: sessions and encoding, no network."""
    sotw = kind == "SotW"
    session_of: Any = SotwSession if sotw else DeltaSession
    request_of: Any = SotwRequest if sotw else DeltaRequest
    names = tuple(f"c{i}" for i in range(clusters))

    encoder, sessions = wire.Encoder(), []
    clustered = [eds_cluster(name) for name in names]
    first = Snapshot.of([*clustered, *(endpoints(name, 80) for name in names)])
    second = first.replacing([endpoints("c0", 81)])

    def answer(session: Any, outputs: list[Any]) -> None:
        for each in outputs:
            if isinstance(each, (SotwResponse, DeltaResponse)):
                encoder.encode(each)
                listed = names if each.type is ResourceType.ENDPOINT and sotw else ()
                ack = request_of(each.type.type_url, listed, nonce=each.nonce)
                answer(session, session.receive(ack))

    started = time.process_time()
    for index in range(STREAMS):
        session = session_of(NodeInfo(str(index)), time.time)
        session.update(first)
        answer(session, session.receive(request_of(ResourceType.CLUSTER.type_url)))
        answer(session, session.receive(request_of(ResourceType.ENDPOINT.type_url, names)))
        sessions.append(session)
    connected = time.process_time()
    for session in sessions:
        answer(session, session.update(second))
    changed = time.process_time()
    return {
        "first_push_cpu_ms": (connected - started) * 1e3,
        "one_endpoint_cpu_ms": (changed - connected) * 1e3,
    }


def rounded(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    return round(found, 2) if isinstance(found, float) else found


async def main(changes: int) -> None:
    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "cpus": os.cpu_count(),
        "changes": changes,
        "first_request": await first_request(),
        "write_cluster": writing(),
        "build": building(),
    }
    for variant in ("SotW", "Delta"):
        for others in (0, 1_000):
            for what, with_cluster in (("route", False), ("cluster and route", True)):
                found[f"{variant}, {what}, {others} other clusters"] = await change_to_served(
                    variant, others, with_cluster, changes
                )
        for clusters in (1, 100):
            name = f"{variant}, {STREAMS} streams, {clusters} clusters"
            found[name] = many_streams(variant, clusters)
    print(json.dumps(rounded(found), indent=2))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--changes", type=int, default=100)
    asyncio.run(main(arguments.parse_args().changes))
