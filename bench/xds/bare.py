"""What grpc.aio costs by itself: a server for the same clients that knows nothing of the protocol.

It writes all clusters, then all endpoints, then, at each change, the endpoints of ``CHANGED``, and
takes whatever it reads for an ACK. Less than this no control plane on grpc.aio can cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from xds_server.cache import Cache
from xds_server.events import Acked, Event, StreamOpened
from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType
from xds_server.serving.server import ADS, MAX_PENDING_REQUESTS
from xds_server.serving.wire import Encoder
from xds_server.sessions.messages import DeltaResponse, SotwResponse
from xds_server.snapshot import Snapshot

CHANGED = "c0"
CLUSTER, ENDPOINT = ResourceType.CLUSTER, ResourceType.ENDPOINT
RESPONSES = {"StreamAggregatedResources": SotwResponse, "DeltaAggregatedResources": DeltaResponse}
OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.server.max_pending_requests", MAX_PENDING_REQUESTS),
    ("grpc.server.max_pending_requests_hard_limit", MAX_PENDING_REQUESTS),
)


class BareServer:
    """In place of an ``XdsServer``; ``cache`` has to hold a snapshot before the clients come."""

    def __init__(self, cache: Cache, group: str, hear: Callable[[Event], None]) -> None:
        self._cache, self._group, self._hear = cache, group, hear
        self._encoder = Encoder()

    async def start(self) -> int:
        self._server = grpc.aio.server(options=OPTIONS)
        methods = {
            name: grpc.stream_stream_rpc_method_handler(self._streaming(response))
            for name, response in RESPONSES.items()
        }
        handler = grpc.method_handlers_generic_handler(ADS, methods)
        self._server.add_generic_rpc_handlers((handler,))
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return int(port)

    async def stop(self) -> None:
        await self._server.stop(None)

    def _streaming(self, response: Any) -> Any:
        async def stream(_requests: Any, context: Any) -> None:
            await context.read()
            node = NodeInfo(str(id(context)))
            changes: asyncio.Queue[Snapshot] = asyncio.Queue()
            self._cache.watch(self._group, changes.put_nowait)
            self._hear(StreamOpened(node, "", 0.0))
            first = self._cache.get(self._group)
            assert first

            async def send(kind: ResourceType, *resources: Resource) -> None:
                await context.write(self._encoder.encode(response(kind, "", "1", resources)))
                await context.read()
                self._hear(Acked(node, kind, "", 0.0))

            await send(CLUSTER, *first.resources(CLUSTER).values())
            await context.read()  # the subscription to endpoints
            await send(ENDPOINT, *first.resources(ENDPOINT).values())
            while True:
                snapshot = await changes.get()
                await send(ENDPOINT, snapshot.resources(ENDPOINT)[CHANGED])

        return stream
