"""The control plane's door: discovery streams on a gRPC port.

All that is decided is decided by the sessions; ``stream.py`` reads and writes for each of them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import grpc
import grpc.aio

from xds_server.cache import Cache
from xds_server.clients.matchers import everyone
from xds_server.clients.view import ClientView
from xds_server.errors import RemoteXdsError, WireError, XdsError
from xds_server.events import Event, StreamClosed, StreamOpened
from xds_server.node import GroupOf, NodeInfo, by_node_id
from xds_server.resource import ResourceType
from xds_server.serving import services, wire
from xds_server.serving.limits import Limiter, Limits
from xds_server.serving.stream import OnEvent, Stream, Turns
from xds_server.sessions.delta import DeltaSession
from xds_server.sessions.session import Session
from xds_server.sessions.sotw import SotwSession

_log = logging.getLogger(__name__)

ADS = services.ADS.name
MAX_PENDING_REQUESTS = 100_000  # beyond gRPC's default of 1,000 it drops new streams at random

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a silent sharing
    ("grpc.server.max_pending_requests", MAX_PENDING_REQUESTS),
    ("grpc.server.max_pending_requests_hard_limit", MAX_PENDING_REQUESTS),
)


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
        self._turns = Turns()
        self._limits = Limits()
        self._server: grpc.aio.Server | None = None
        self._calls: set[asyncio.Task[Any]] = set()  # those that streams are served in
        self._watch: asyncio.Task[None] | None = None
        self._streams: dict[Stream, _Opened] = {}

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
        """Listens and returns the port; 0 asks for a free one. An ``address`` of ``unix:PATH`` is a
        socket, whose port means nothing.

        ``handlers`` are further generic gRPC handlers that share the port. With ``credentials``
        (``grpc.ServerCredentials``) it speaks TLS, else plaintext. ``interceptors``, the first
        outermost, and ``options`` are gRPC's. ``limits`` hold for each stream.

        Raises ``XdsError`` when the port is taken.
        """
        server = grpc.aio.server(
            options=(*_OPTIONS, *limits.options(), *options),
            interceptors=(*interceptors, Limiter(limits, services.is_discovery)),
        )
        self._limits = limits
        server.add_generic_rpc_handlers((*self._handlers(), *handlers))
        where = address if address.startswith("unix:") else f"{address}:{port}"
        try:
            bound = (
                server.add_secure_port(where, credentials)
                if credentials
                else server.add_insecure_port(where)
            )
        except RuntimeError as error:
            raise XdsError(f"{where}: can not listen there: {error}") from error
        await server.start()
        self._server = server
        self._watch = asyncio.get_running_loop().create_task(self._watch_over())
        return int(bound)

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def stop(self) -> None:
        """Closes all streams at once. Clients keep their configuration and try again."""
        server, self._server = self._server, None
        if server is not None and self._watch is not None:
            self._watch.cancel()
            await server.stop(None)
            while self._calls:  # gRPC prints a traceback for each that is still there at the end
                await asyncio.wait(self._calls)

    async def _watch_over(self) -> None:
        """Looks from time to time for clients that do not read."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._limits.unread / 4)
            for stream in tuple(self._streams):
                stream.check(loop.time())

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
            call = asyncio.current_task()
            assert call
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            try:
                await self._serve(variant, context)
            except RemoteXdsError as error:
                await context.abort(grpc.StatusCode[error.status], str(error))

        return stream

    async def _serve(self, variant: _Variant, context: Any) -> None:
        first = await context.read()
        if first is grpc.aio.EOF:
            return
        request = variant.read(first)
        if request.node is None or not request.node.id:
            raise WireError("the first request of a stream names no node")
        # a status can be told beside a response that is not read, but not before the metadata
        await context.send_initial_metadata(())
        node: NodeInfo = request.node
        session = variant.session(node, self._clock)
        shared = self._encoder, self._turns, self.tell, self._limits
        stream = Stream(session, variant.read, *shared, context)
        self.tell(StreamOpened(node, variant.name, self._clock(), variant.type))
        reason, status = "", "OK"
        try:
            with self._joined(stream, variant.name, context.peer()):
                stream.receive(request)
                await stream.run()
        except RemoteXdsError as error:
            reason, status = str(error), error.status
            raise
        finally:
            closed = StreamClosed(node, self._clock(), reason, variant.type, variant.name, status)
            self.tell(closed)

    @contextmanager
    def _joined(self, stream: Stream, variant: str, peer: str) -> Iterator[None]:
        """As long as it is so, the stream is told of its group's snapshots. Raises ``NoGroup``."""
        node: NodeInfo = stream.session.node
        group = self._group_of(node)
        cancel = self._cache.watch(group, stream.update, node)
        self._streams[stream] = _Opened(node, peer, group, variant, self._clock())
        try:
            snapshot = self._cache.get(group)
            if snapshot is not None:
                stream.update(snapshot)
            yield
        finally:
            cancel()
            del self._streams[stream]

    def clients(self, wanted: Callable[[NodeInfo], bool] = everyone) -> Iterator[ClientView]:
        """The streams of the ``wanted`` nodes as they stand now, the oldest first."""
        for stream, opened in tuple(self._streams.items()):
            if wanted(opened.node):
                yield opened.view(stream.session)

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

    def view(self, session: Session) -> ClientView:
        """Where the stream stands now."""
        who = self.node, self.peer, self.group, self.variant, self.at
        return ClientView(*who, session.snapshot, session.view)
