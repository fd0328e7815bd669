"""A door: a server that writes down every request as it came, and answers as it is told.

It stands for the service behind a chain, and for each cluster that a filter may call out to.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mesh_traffic import Headers, Response
from mini_mesh.filter_rig.admin import Pace
from mini_mesh.filter_rig.wire import Message, Reader, WireError, body, cut, head
from mini_mesh.ports import LOOPBACK

READ_SIZE = 64 * 1024
GATE_TIME = 0.5  # seconds; a client that Envoy makes wait may wait for this very answer


EMPTY_OK = Response(200, Headers.of({"content-length": "0"}))


@dataclass(frozen=True, slots=True)
class Script:
    """What an upstream does with one request, once it has come whole.

    The response goes out exactly as it is: its fields say how its body is framed, ``chunked`` or by
    a length, and without either it lasts until Envoy ends the connection. ``chunks`` are the pieces
    of its body, each a read of its own for Envoy; None leaves it as whole as may be. ``delay`` is
    in seconds. A ``silent`` one never answers.
    """

    response: Response = EMPTY_OK
    chunks: Sequence[bytes] | None = None
    delay: float = 0.0
    silent: bool = False

    def pieces(self, method: str = "GET") -> list[bytes]:
        """What goes over the wire, each piece by itself; the head goes with the first, and is all
        that answers HEAD.
        """
        response = self.response
        start = head(f"HTTP/1.1 {response.status} ", response.headers)
        if method == "HEAD":
            return [start]
        chunks = cut(response.body.data) if self.chunks is None else self.chunks
        rest = body(response.headers, chunks, response.trailers)
        return [start, *rest] if len(rest) > 1 else [b"".join([start, *rest])]


Answer = Callable[[Message], Script]


class Upstream:
    """The server. ``answer`` may be changed between requests; ``seen`` grows in order of arrival.
    It answers nothing until ``gate`` is set, but for ``GATE_TIME``.

    ``peer`` is Envoy's port of the latest connection. ``accepted`` counts connections from its
    start, ``open`` those that Envoy has not ended; both are to be compared with what Envoy says.
    """

    def __init__(self, answer: Answer, pace: Pace) -> None:
        self.answer = answer
        self.gate = asyncio.Event()
        self.gate.set()
        self.seen: list[Message] = []
        self.accepted = 0
        self.port = self.peer = 0
        self._pace = pace
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on a free port, and say which."""
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    @property
    def open(self) -> int:
        return len(self._tasks)

    async def close(self) -> None:
        """End every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.accepted += 1
        self.peer = writer.get_extra_info("peername")[1]
        try:
            with contextlib.suppress(ConnectionError, WireError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Envoy resets a connection in the middle when a filter ends a request; that is no error.

        It never sends a second request before the first is answered.
        """
        requests = Reader()
        told = answered = 0
        while data := await reader.read(READ_SIZE):
            requests.feed(data)
            self.seen += requests.messages[told:]
            told = len(requests.messages)
            if told > answered and requests.messages[-1].whole:
                answered += 1
                await self._answer(requests.messages[-1], reader, writer)

    async def _answer(
        self, request: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        script = self.answer(request)
        if script.silent:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gate.wait(), GATE_TIME)
        if script.delay:
            await asyncio.sleep(script.delay)
        pieces = script.pieces(request.request.method)
        await self._pace.write(writer, pieces, reader.at_eof)
