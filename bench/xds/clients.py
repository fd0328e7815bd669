"""Fake ADS clients in Python: ``python clients.py --target HOST:PORT --clients 100``.

As ``go/clients``: each has a connection of its own, takes all clusters, subscribes to the endpoints
of each, ACKs whatever comes and prints JSON lines. It ends with its standard input. A client in
Python takes about as much of the processor as the server does: for where there is no Go.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

sys.path.insert(0, str(Path(__file__).parents[2]))

from xds_server import mirror
from xds_server.protos import core, discovery
from xds_server.resource import ResourceType
from xds_server.serving.server import ADS

CLUSTERS, ENDPOINTS = ResourceType.CLUSTER.type_url, ResourceType.ENDPOINT.type_url
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 2**30))


class SotW:
    method = "StreamAggregatedResources"
    request = mirror.mirror_class(discovery.DiscoveryRequest)
    response = mirror.mirror_class(discovery.DiscoveryResponse)

    @staticmethod
    def subscription(names: list[str]) -> dict[str, Any]:
        return {"resource_names": names}

    @classmethod
    def ack(cls, got: Any, names: list[str]) -> dict[str, Any]:
        """A SotW request names all, each time."""
        listed = names if got.type_url == ENDPOINTS else []
        return {"version_info": got.version_info, "resource_names": listed}


class Delta:
    method = "DeltaAggregatedResources"
    request = mirror.mirror_class(discovery.DeltaDiscoveryRequest)
    response = mirror.mirror_class(discovery.DeltaDiscoveryResponse)

    @staticmethod
    def subscription(names: list[str]) -> dict[str, Any]:
        return {"resource_names_subscribe": names}

    @classmethod
    def ack(cls, got: Any, names: list[str]) -> dict[str, Any]:
        return {}


VARIANTS: dict[str, Any] = {"SotW": SotW, "Delta": Delta}


def say(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


class Rounds:
    """How many clients have seen the n-th response with endpoints."""

    def __init__(self, clients: int) -> None:
        self._clients = clients
        self._open = 0
        self._seen: Counter[int] = Counter()
        self._first: dict[int, int] = {}

    def connected(self) -> None:
        self._open += 1
        if self._open == self._clients:
            say("connected", at=time.time_ns())

    def saw(self, number: int) -> None:
        now = time.time_ns()
        self._first.setdefault(number, now)
        self._seen[number] += 1
        if self._seen[number] == self._clients:
            say("received", round=number, first=self._first[number], last=now)


async def client(target: str, name: str, variant: Any, names: list[str], rounds: Rounds) -> None:
    channel = grpc.aio.insecure_channel(target, options=OPTIONS)
    stream = channel.stream_stream(f"/{ADS}/{variant.method}")(wait_for_ready=True)
    node = mirror.mirror_class(core.Node)(id=name)
    number, subscribed = 0, False

    async def send(**fields: Any) -> None:
        await stream.write(variant.request(**fields).SerializeToString())

    try:
        await stream.wait_for_connection()
        rounds.connected()
        await send(node=node, type_url=CLUSTERS)
        while (data := await stream.read()) is not grpc.aio.EOF:
            got = variant.response.FromString(data)
            about = {"type_url": got.type_url, "response_nonce": got.nonce}
            await send(**about, **variant.ack(got, names))
            if got.type_url == ENDPOINTS:
                rounds.saw(number)
                number += 1
            elif not subscribed and names:
                subscribed = True
                await send(type_url=ENDPOINTS, **variant.subscription(names))
        say("lost", client=name, why=str(await stream.code()))
    except grpc.aio.AioRpcError as error:
        say("lost", client=name, why=str(error.code()))
    finally:
        await channel.close()


async def main(found: argparse.Namespace) -> None:
    names = [] if found.clusters_only else [f"c{i}" for i in range(found.services)]
    rounds, loop = Rounds(found.clients), asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    say("started", at=time.time_ns())
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(
                client(found.target, f"{found.prefix}-{i}", VARIANTS[found.variant], names, rounds)
            )
            for i in range(found.clients)
        ]
        await lines.read()
        for each in running:
            each.cancel()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--target", required=True, help="HOST:PORT of the control plane")
    arguments.add_argument("--clients", type=int, default=1)
    arguments.add_argument("--services", type=int, default=1, help="how many clusters there are")
    arguments.add_argument("--prefix", default="node", help="what their names begin with")
    arguments.add_argument("--clusters-only", action="store_true", help="want no endpoints")
    arguments.add_argument("--variant", choices=VARIANTS, default="Delta")
    asyncio.run(main(arguments.parse_args()))
