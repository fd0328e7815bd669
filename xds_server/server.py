"""The control plane's door: discovery streams on a gRPC port.

All that is decided is decided by the sessions; here bytes are read, written and counted. A stream
has two tasks: one reads requests, one writes what the session put out. What waits to be written is
bounded by the session: one response of each type.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import grpc
import grpc.aio

from xds_server import services, wire
from xds_server.cache import Cache, Cancel
from xds_server.delta import DeltaSession
from xds_server.errors import RemoteXdsError, WireError, XdsError
from xds_server.events import Event, Sent, StreamClosed, StreamOpened
from xds_server.limits import Limiter, Limits
from xds_server.matchers import everyone
from xds_server.messages import DeltaResponse, SotwResponse
from xds_server.node import GroupOf, NodeInfo, by_node_id
from xds_server.resource import ResourceType
from xds_server.session import Output
from xds_server.snapshot import Snapshot
from xds_server.sotw import SotwSession
from xds_server.view import ClientView

_log = logging.getLogger(__name__)

ADS = services.ADS.name
MAX_WAITING = 64  # responses of one stream; an honest client causes one of each type at most
MAX_PENDING_REQUESTS = 100_000  # beyond gRPC's default of 1,000 it drops new streams at random

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a silent sharing
    ("grpc.server.max_pending_requests", MAX_PENDING_REQUESTS),
    ("grpc.server.max_pending_requests_hard_limit", MAX_PENDING_REQUESTS),
)

OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class _Variant:
    """How a stream is served; ``type`` is what it is about where its service has but one."""

    name: str
    parse: Callable[[bytes, ResourceType | None], Any]
    session: Callable[[NodeInfo, Callable[[], float]], Any]
    type: ResourceType | None = None

    def read(self, data: bytes) -> Any:
        return self.parse(data, self.type)


_VARIANTS = {
    services.SOTW: _Variant(services.SOTW, wire.parse_sotw, SotwSession),
    services.DELTA: _Variant(services.DELTA, wire.parse_delta, DeltaSession),
}


def _ignore(event: Event) -> None:
    """Nobody asked to be told."""


class XdsServer:
    """Serves the snapshots of ``cache``, to each node those of the group that ``group_of`` names.

    ``on_event`` is told what happens, on the event loop; what it raises is logged and does no harm.
    ``clock`` gives the time of events, in seconds. The cache must be changed on the server's loop.
    """

    def __init__(
        self,
        cache: Cache,
        group_of: GroupOf = by_node_id,
        on_event: OnEvent = _ignore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache
        self._group_of = group_of
        self._on_event = on_event
        self._clock = clock
        self._encoder = wire.Encoder()
        self._server: grpc.aio.Server | None = None
        self._streams: dict[_Stream, _Opened] = {}

    async def start(
        self,
        address: str = "127.0.0.1",
        port: int = 0,
        handlers: Iterable[Any] = (),
        *,
        credentials: Any = None,
        interceptors: Sequence[Any] = (),
        options: Sequence[tuple[str, Any]] = (),
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> int:
        """Listens and returns the port; 0 asks for a free one.

        ``handlers`` are further generic gRPC handlers that share the port. With ``credentials``
        (``grpc.ServerCredentials``) it speaks TLS, else plaintext. ``interceptors``, the first
        outermost, and ``options`` are gRPC's. ``limits`` hold for each stream.

        Raises ``XdsError`` when the port is taken.
        """
        server = grpc.aio.server(
            options=(*_OPTIONS, *limits.options(), *options),
            interceptors=(*interceptors, Limiter(limits)),
        )
        server.add_generic_rpc_handlers((*self._handlers(), *handlers))
        try:
            bound = (
                server.add_secure_port(f"{address}:{port}", credentials)
                if credentials
                else server.add_insecure_port(f"{address}:{port}")
            )
        except RuntimeError as error:
            raise XdsError(f"{address}:{port}: can not listen there: {error}") from error
        await server.start()
        self._server = server
        return int(bound)

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def stop(self) -> None:
        """Closes all streams at once. Clients keep their configuration and try again."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(None)

    def _handlers(self) -> Iterator[Any]:
        for service in services.SERVICES:
            methods = {
                method: grpc.stream_stream_rpc_method_handler(
                    self._streaming(replace(_VARIANTS[variant], type=service.type))
                )
                for method, variant in service.methods()
            }
            yield grpc.method_handlers_generic_handler(service.name, methods)

    def _streaming(self, variant: _Variant) -> Any:
        async def stream(requests: AsyncIterator[bytes], context: Any) -> None:
            try:
                await self._serve(variant, requests, context)
            except RemoteXdsError as error:
                await context.abort(grpc.StatusCode[error.status], str(error))

        return stream

    async def _serve(self, variant: _Variant, requests: AsyncIterator[bytes], context: Any) -> None:
        first = await anext(aiter(requests), None)
        if first is None:
            return
        request = variant.read(first)
        if request.node is None or not request.node.id:
            raise WireError("the first request of a stream names no node")
        node: NodeInfo = request.node
        stream = _Stream(variant, node, self._encoder, self._clock, self.tell)
        self.tell(StreamOpened(node, variant.name, self._clock(), variant.type))
        cancel: Cancel | None = None
        reason, status = "", "OK"
        try:
            group = self._group_of(node)
            cancel = self._cache.watch(group, stream.update, node)
            peer, now = context.peer(), self._clock()
            self._streams[stream] = _Opened(node, peer, group, variant.name, now)
            stream.update(self._cache.get(group))
            stream.receive(request)
            await stream.run(requests, context)
        except RemoteXdsError as error:
            reason, status = str(error), error.status
            raise
        finally:
            if cancel is not None:
                cancel()
            self._streams.pop(stream, None)
            closed = StreamClosed(node, self._clock(), reason, variant.type, variant.name, status)
            self.tell(closed)

    def clients(self, wanted: Callable[[NodeInfo], bool] = everyone) -> Iterator[ClientView]:
        """The streams of the ``wanted`` nodes as they stand now, the oldest first."""
        for stream, opened in tuple(self._streams.items()):
            if wanted(opened.node):
                yield stream.view(opened)

    def tell(self, event: Event) -> None:
        """Hands an event on; a listener that raises is logged, and the stream goes on."""
        self._cache.record(event)
        try:
            self._on_event(event)
        except Exception:
            _log.exception("on_event failed for %s", type(event).__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    """Who opened a stream, from where and when."""

    node: NodeInfo
    peer: str
    group: str
    variant: str
    at: float


class _Stream:
    """One client's stream: a session, and the responses that wait to be written."""

    def __init__(
        self,
        variant: _Variant,
        node: NodeInfo,
        encoder: wire.Encoder,
        clock: Callable[[], float],
        tell: OnEvent,
    ) -> None:
        self._parse = variant.read
        self._session = variant.session(node, clock)
        self._encode = encoder.encode
        self._tell = tell
        self._waiting: list[bytes] = []
        self._wake = asyncio.Event()
        self._ended = False
        self._refused: RemoteXdsError | None = None

    def update(self, snapshot: Snapshot | None) -> None:
        if snapshot is not None:
            self._put_out(self._session.update(snapshot))

    def receive(self, request: Any) -> None:
        """Raises ``RemoteXdsError`` for a client that ACKs responses which it does not read."""
        self._put_out(self._session.receive(request))
        if len(self._waiting) > MAX_WAITING:
            raise RemoteXdsError(
                f"{MAX_WAITING} responses wait to be read, and still more are asked for",
                "RESOURCE_EXHAUSTED",
            )

    def _put_out(self, outputs: list[Output]) -> None:
        for each in outputs:
            if isinstance(each, (SotwResponse, DeltaResponse)):
                self._waiting.append(self._encode(each))
                self._wake.set()
            elif isinstance(each, Sent):  # it follows its response
                self._tell(replace(each, size=len(self._waiting[-1])))
            else:
                self._tell(each)

    def view(self, by: _Opened) -> ClientView:
        session = self._session
        return ClientView(
            by.node, by.peer, by.group, by.variant, by.at, session.snapshot, session.view
        )

    async def run(self, requests: AsyncIterator[bytes], context: Any) -> None:
        """Reads and writes until the client goes away; raises what the client is refused for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write(context))
            group.create_task(self._read(requests))
        if self._refused:
            raise self._refused

    async def _read(self, requests: AsyncIterator[bytes]) -> None:
        try:
            async for data in requests:
                self.receive(self._parse(data))
        except RemoteXdsError as refused:
            self._refused = refused
        self._ended = True
        self._wake.set()

    async def _write(self, context: Any) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, []
            for data in waiting:
                await context.write(data)
            if self._ended:
                return
