"""A door: answers unary gRPC calls at a listening socket, each at once or when its answer is there.

What is asked and answered are bytes; see :mod:`~mini_mesh.beside.http2` for the protocol.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from mini_mesh.beside.http2 import Call, Session
from tap.live.background import Spawn, background

OK, UNIMPLEMENTED, INTERNAL = 0, 12, 13  # gRPC's statuses


class Refused(Exception):
    """A call is answered with gRPC's ``status`` and the text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


# From a request's bytes to those of its answer. Raises Refused.
Method = Callable[[bytes], bytes | Awaitable[bytes]]


class Unary:
    """Who answers: ``methods`` by ``/package.Service/Method``."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self.methods = methods
        self.spawn: Spawn
        self._connections: set[_Connection] = set()

    @asynccontextmanager
    async def listening(self, at: socket.socket) -> AsyncIterator[None]:
        """While inside."""
        loop = asyncio.get_running_loop()
        make = loop.create_unix_server if at.family == socket.AF_UNIX else loop.create_server
        async with background() as self.spawn:
            server = await make(lambda: _Connection(self), sock=at)
            try:
                yield
            finally:
                server.close()
                for each in tuple(self._connections):
                    each.close()

    # for its connections

    def came(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def left(self, connection: _Connection) -> None:
        self._connections.discard(connection)


class _Connection(asyncio.Protocol):
    def __init__(self, unary: Unary) -> None:
        self._unary = unary
        self._session = Session()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._unary.came(self)
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._unary.left(self)

    def data_received(self, data: bytes) -> None:
        for call in self._session.receive(data):
            self._answer(call)
        self._flush()

    def pause_writing(self) -> None:
        """Who does not read is not asked for more."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        data = self._session.data_to_send()
        if self._transport is None:
            return
        if data:
            self._transport.write(data)
        if self._session.closed:
            self._transport.close()

    def _answer(self, call: Call) -> None:
        method = self._unary.methods.get(call.path)
        if method is None:
            self._session.fail(call.stream, UNIMPLEMENTED, f"no method {call.path}")
            return
        try:
            answer = method(call.message)
        except Refused as refused:
            self._session.fail(call.stream, refused.status, str(refused))
            return
        if isinstance(answer, bytes):
            self._session.answer(call.stream, answer)
        else:
            self._unary.spawn(self._later(call.stream, answer), "an answer")

    async def _later(self, stream: int, answer: Awaitable[bytes]) -> None:
        try:
            self._session.answer(stream, await answer)
        except Refused as refused:
            self._session.fail(stream, refused.status, str(refused))
        self._flush()
