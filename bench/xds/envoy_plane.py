"""The control plane that one Envoy is served by, in a process of its own, over gRPC and HTTP.

Serves the node ``node`` a listener, its routes, and ``--clusters`` clusters that nobody uses. A
line on standard input is the body that the routes answer with from now on. ``--dump FILE`` writes
all resources as Envoy's JSON, by type, for other control planes to serve.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.xds_server.resources import answering, rds_listener
from xds_server import mirror
from xds_server.cache import Cache
from xds_server.resource import Resource, ResourceType
from xds_server.serving import http
from xds_server.serving.metrics import Metrics
from xds_server.serving.rest import Polling
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

from measure import a_cluster  # isort: skip

NODE = "node"
EVERY = 0.1  # seconds from the answer of a poll to the next one
NOUNS = {
    ResourceType.CLUSTER: "clusters",
    ResourceType.LISTENER: "listeners",
    ResourceType.ROUTE: "routes",
}


def served(clusters: int) -> Snapshot:
    made = [Resource.of(a_cluster(f"other-{i}")) for i in range(clusters)]
    return Snapshot.of([*made, rds_listener(), answering("0")])


def dump(snapshot: Snapshot, file: Path) -> None:
    """Everything that comes over ADS is polled for in it."""
    polling = Polling(every=EVERY)
    shown = {
        noun: [
            {"@type": kind.type_url, **mirror.render(kind.type_url, each.body)}
            for each in snapshot.resources(kind).values()
        ]
        for kind, noun in NOUNS.items()
    }
    file.write_text(json.dumps(polling.instead_of_ads(shown)))


async def main(clusters: int, file: Path | None) -> None:
    cache, snapshot = Cache(), served(clusters)
    cache.set(NODE, snapshot)
    if file:
        dump(snapshot, file)
    counted = Metrics(cache)
    server = XdsServer(cache, on_event=counted.record)
    port = await server.start()
    app = http.application(server, cache, counted, polling=Polling(every=EVERY))
    lines, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with http.listening(app) as polled:
        print(json.dumps({"event": "listening", "port": port, "http": polled}), flush=True)
        while line := await lines.readline():
            snapshot = snapshot.replacing([answering(line.decode().strip())])
            cache.set(NODE, snapshot)
    await server.stop()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clusters", type=int, default=0)
    arguments.add_argument("--dump", type=Path)
    found = arguments.parse_args()
    asyncio.run(main(found.clusters, found.dump))
