"""The door at which Envoys deliver their access logs: a gRPC service on a Unix socket.

Each Envoy opens one stream, whose first message says who it is. Only the socket's owner can
connect. Source: Envoy, ``envoy.service.accesslog.v3.AccessLogService``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import grpc
    import grpc.aio

SERVICE = "envoy.service.accesslog.v3.AccessLogService"
MAX_MESSAGE = 4 * 1024 * 1024  # bytes; Envoy flushes at 16 KiB, the first one holds its node, too

MAX_HELD = 32 * 1024 * 1024  # bytes of messages that wait for somebody who reads them


class LogStream(Protocol):
    """One Envoy's stream, as whoever reads it sees it."""

    def receive(self, data: bytes, /) -> None:
        """A message came."""

    def end(self) -> None:
        """No more will come of it."""


class HeldLogs:
    """Streams that begin before there is a hub to read them: it need not be there when the first
    request comes. ``open`` is for :func:`access_logs`."""

    def __init__(self) -> None:
        self.dropped = 0  # messages for which there was no room
        self._room = MAX_HELD
        self._opened: Callable[[], LogStream] | None = None
        self._streams: list[_HeldStream] = []

    def open(self) -> LogStream:
        if self._opened is not None:
            return self._opened()
        stream = _HeldStream(self)
        self._streams.append(stream)
        return stream

    def pass_on(self, opened: Callable[[], LogStream]) -> None:
        """From now on, and with all that was held, it is ``opened`` who is asked."""
        self._opened = opened
        for stream in self._streams:
            stream.pass_on(opened())
        self._streams.clear()

    def has_room(self, size: int) -> bool:
        if size > self._room:
            self.dropped += 1
            return False
        self._room -= size
        return True


class _HeldStream:
    """One of them, which may even end before anybody reads it."""

    def __init__(self, held: HeldLogs) -> None:
        self._held = held
        self._messages: list[bytes] = []
        self._ended = False
        self._reader: LogStream | None = None

    def receive(self, data: bytes) -> None:
        if self._reader is not None:
            self._reader.receive(data)
        elif self._held.has_room(len(data)):
            self._messages.append(data)

    def end(self) -> None:
        self._ended = True
        if self._reader is not None:
            self._reader.end()

    def pass_on(self, reader: LogStream) -> None:
        self._reader = reader
        for message in self._messages:
            reader.receive(message)
        self._messages.clear()
        if self._ended:
            reader.end()


@asynccontextmanager
async def access_logs(
    path: Path,
    opened: Callable[[], LogStream],
    others: Sequence[grpc.GenericRpcHandler] = (),
) -> AsyncIterator[None]:
    """Take access logs at ``path`` while inside; ``opened`` is asked for each stream. ``others``
    are services that listen there, too.

    Raises OSError if nobody can listen there.
    """
    import grpc.aio

    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_MESSAGE)])
    server.add_generic_rpc_handlers((_service(opened), *others))
    _listen(server, path)
    await server.start()
    try:
        yield
    finally:
        await server.stop(grace=None)


def _service(opened: Callable[[], LogStream]) -> grpc.GenericRpcHandler:
    import grpc

    async def stream(messages: AsyncIterator[bytes], context: Any) -> bytes:
        log = opened()
        try:
            async for message in messages:
                log.receive(message)
        finally:
            log.end()
        return b""

    handler = grpc.stream_unary_rpc_method_handler(stream)
    return grpc.method_handlers_generic_handler(SERVICE, {"StreamAccessLogs": handler})


def _listen(server: grpc.aio.Server, path: Path) -> None:
    """Bind, so that only the owner can connect from the first moment."""
    path.unlink(missing_ok=True)  # of a hub that was killed
    before = os.umask(0o177)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as error:
        raise OSError(f"{path}: nobody can listen there: {error}") from error
    finally:
        os.umask(before)
