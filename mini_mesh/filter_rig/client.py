"""A door: one request on a connection of its own, exactly as it is, and what came back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mesh_traffic import Headers, Request
from mini_mesh.filter_rig.admin import Pace
from mini_mesh.filter_rig.wire import Message, Reader, WireError, body, cut, head
from mini_mesh.ports import LOOPBACK

READ_SIZE = 64 * 1024
PATIENCE = 5.0  # seconds until the client gives up


class Ending(Enum):
    """How the client's wait ended."""

    ANSWERED = "answered"  # the whole response is there
    CLOSED = "closed"  # the connection ended without a response, or in the middle of it
    NOTHING = "nothing"  # not answered, or not to the end, within the patience


@dataclass(frozen=True, slots=True)
class Received:
    """What the client got; ``message`` is None where not even a whole head came. ``port`` is the
    client's own.
    """

    ending: Ending
    message: Message | None
    port: int = 0


def pieces(request: Request, chunks: Sequence[bytes] | None = None) -> list[bytes]:
    """What goes over the wire, each piece by itself; the head goes with a body of one piece.

    ``authority`` becomes the first field, ``host``. The fields say how the body is framed.
    """
    headers = Headers((("host", request.authority), *request.headers.fields))
    start = head(f"{request.method} {request.path} HTTP/1.1", headers)
    rest = body(headers, cut(request.body.data) if chunks is None else chunks, request.trailers)
    return [start, *rest] if len(rest) > 1 else [b"".join([start, *rest])]


async def send(
    port: int,
    method: str,
    wire: Sequence[bytes],
    pace: Pace,
    sent: asyncio.Event,
    patience: float = PATIENCE,
) -> Received:
    """Send ``wire`` at ``pace``, and read until there is an answer, the end, or no patience.

    ``sent`` is set when Envoy has read all of it.
    """
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    answers = Reader([method])
    ending = Ending.NOTHING
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience), asyncio.TaskGroup() as group:
                sending = group.create_task(_send(writer, wire, pace, sent, reader))
                ending = await _read(reader, answers)
                sending.cancel()
    finally:
        writer.close()
    message = answers.messages[0] if answers.messages else None
    return Received(ending, message, writer.get_extra_info("sockname")[1])


async def _send(
    writer: asyncio.StreamWriter,
    wire: Sequence[bytes],
    pace: Pace,
    sent: asyncio.Event,
    reader: asyncio.StreamReader,
) -> None:
    with contextlib.suppress(ConnectionError):  # an early answer may close the connection
        for piece in wire:
            await pace.write_and_wait(writer, piece, reader.at_eof)
        sent.set()


async def _read(reader: asyncio.StreamReader, answers: Reader) -> Ending:
    with contextlib.suppress(ConnectionError, WireError):
        while data := await reader.read(READ_SIZE):
            answers.feed(data)
            if answers.messages and answers.messages[0].whole:
                return Ending.ANSWERED
        answers.finish()
    whole = bool(answers.messages) and answers.messages[0].whole
    return Ending.ANSWERED if whole else Ending.CLOSED
