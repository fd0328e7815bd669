"""The control plane that is measured, in a process of its own: ``python plane.py --clients 1000``.

One group of nodes, with clusters c0, c1, … and the endpoints of each. Commands come as lines on
standard input: ``serve`` serves them from now on where that waited (``--late``), ``change`` gives
one cluster another endpoint, ``usage`` asks for the processor time
and memory so far. Answers are JSON lines, times in nanoseconds of the wall clock; it ends with its
input. ``go/plane`` speaks the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from bare import BareServer

from xds_server.cache import Cache
from xds_server.events import Acked, Event, Nacked, StreamClosed, StreamOpened
from xds_server.node import NodeInfo
from xds_server.protos import cluster, core, endpoint
from xds_server.resource import Resource, ResourceType
from xds_server.serving.metrics import Metrics
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

GROUP = "all"
_CHANGING = ResourceType.ENDPOINT
ADS = core.ConfigSource(ads=core.AggregatedConfigSource(), resource_api_version=core.ApiVersion.V3)


def one_group(node: NodeInfo) -> str:
    return GROUP


def cluster_of(name: str) -> Resource:
    return Resource.of(
        cluster.Cluster(
            name=name,
            connect_timeout=timedelta(seconds=1),
            type=cluster.ClusterDiscoveryType.EDS,
            eds_cluster_config=cluster.ClusterEdsClusterConfig(eds_config=ADS),
        )
    )


def endpoints_of(name: str, *ports: int) -> Resource:
    sockets = [core.SocketAddress(address="127.0.0.1", port_value=port) for port in ports]
    hosts = [
        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=core.Address(socket_address=each)))
        for each in sockets
    ]
    locality = endpoint.LocalityLbEndpoints(lb_endpoints=hosts)
    return Resource.of(endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=[locality]))


def say(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


def cpu_ms() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e3


def memory() -> dict[str, int]:
    """What is resident now, and the most that ever was."""
    status = Path("/proc/self/status").read_text()
    fields = {"rss_kib": "VmRSS:", "peak_kib": "VmHWM:"}
    return {name: int(status.partition(of)[2].split()[0]) for name, of in fields.items()}


class Acks:
    """Who has ACKed what since the last change; says when that is everybody."""

    def __init__(self, clients: int, clusters_only: bool) -> None:
        self._clients = clients
        self._opened = 0
        self._settled = False
        self._done = False
        kinds = [ResourceType.CLUSTER] if clusters_only else [ResourceType.CLUSTER, _CHANGING]
        self._of: dict[ResourceType, set[str]] = {kind: set() for kind in kinds}

    def hear(self, event: Event) -> None:
        match event:
            case Acked(node=node, type=kind):
                self._of[kind].add(node.id)
                self._look()
            case StreamOpened():
                self._opened += 1
                if self._opened == self._clients:
                    say("opened", at=time.time_ns())
            case StreamClosed(node=node, reason=reason) if reason:
                say("refused", client=node.id, why=reason)
            case Nacked(record=record):
                say("refused", client=record.node.id, why=record.text)

    def again(self) -> None:
        self._of[_CHANGING].clear()
        self._done = False

    def _look(self) -> None:
        if self._done or any(len(nodes) < self._clients for nodes in self._of.values()):
            return
        event = "acked" if self._settled else "settled"
        self._settled = self._done = True
        say(event, at=time.time_ns(), opened=self._opened, cpu_ms=cpu_ms())


class Plane:
    """Serves ``services`` clusters, each with its endpoints; a change is one of c0's."""

    def __init__(self, services: int, acks: Acks, metrics: bool, bare: bool) -> None:
        self._cache, self._acks = Cache(), acks
        names = [f"c{i}" for i in range(services)]
        made = [*map(cluster_of, names), *(endpoints_of(name, 80, 81) for name in names)]
        self._snapshot = Snapshot.of(made)
        self._changes = 0
        counted = Metrics(self._cache, one_group) if metrics else None

        def hear(event: Event) -> None:
            acks.hear(event)
            if counted:
                counted.record(event)

        server = XdsServer(self._cache, one_group, hear)
        self.server = BareServer(self._cache, GROUP, hear) if bare else server

    def obey(self, command: str) -> None:
        if command == "serve":
            self.serve()
        elif command == "change":
            self._change()
        elif command == "usage":
            say("usage", cpu_ms=cpu_ms(), **memory())

    def serve(self) -> None:
        before, began = cpu_ms(), time.time_ns()
        self._cache.set(GROUP, self._snapshot)
        say("served", began=began, set=time.time_ns(), cpu_ms=before)

    def _change(self) -> None:
        self._acks.again()
        self._changes += 1
        before, began = cpu_ms(), time.time_ns()
        changed = endpoints_of("c0", 80, 1000 + self._changes)
        self._snapshot = self._snapshot.replacing([changed])
        self._cache.set(GROUP, self._snapshot)
        say("changed", began=began, set=time.time_ns(), cpu_ms=before)


async def main(found: argparse.Namespace) -> None:
    acks = Acks(found.clients, found.clusters_only)
    plane = Plane(found.services, acks, found.metrics, found.bare)
    if not found.late:
        plane.serve()
    port = await plane.server.start()
    say("listening", port=port, cpu_ms=cpu_ms(), **memory())
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        plane.obey(line.decode().strip())
    await plane.server.stop()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clients", type=int, default=1, help="how many are expected")
    arguments.add_argument("--services", type=int, default=1, help="how many clusters")
    arguments.add_argument("--metrics", action="store_true", help="count for Prometheus, too")
    arguments.add_argument("--clusters-only", action="store_true", help="nobody wants endpoints")
    arguments.add_argument("--bare", action="store_true", help="grpc.aio without the protocol")
    arguments.add_argument("--late", action="store_true", help="nothing is served before ``serve``")
    asyncio.run(main(arguments.parse_args()))
