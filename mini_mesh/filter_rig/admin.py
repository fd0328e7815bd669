"""A door: Envoy's admin interface, asked over one connection, and its gauges as a clock.

Envoy's counters move in its worker as it reads and writes, so they tell without any waiting for
luck whether it has taken a piece of a body by itself, and whether a request is over and gone.
https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mini_mesh.filter_rig.wire import Reader
from mini_mesh.ports import LOOPBACK

READ_SIZE = 64 * 1024
QUICK_LOOKS = 50  # without a pause: a look costs about 0.3 ms, and most are answered at once
PAUSE = 0.005  # seconds between two looks after that

Stats = Mapping[str, int]


class Admin:
    """The admin interface at ``port``. One question at a time; close it when done."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> str:
        """The answer to GET ``path``. ConnectionError: Envoy has gone."""
        async with self._turn:
            if self._streams is None:
                self._streams = await asyncio.open_connection(LOOPBACK, self.port)
            try:
                return await _asked(path, *self._streams)
            except BaseException:  # cancelled, the rest of an answer would be the next one's
                self.close()
                raise

    async def ports(self) -> dict[str, int]:
        """The port of each listener."""
        statuses = json.loads(await self.get("/listeners?format=json"))["listener_statuses"]
        return {each["name"]: _port(each) for each in statuses}

    async def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose names match ``pattern``, a regular expression."""
        lines = (await self.get(f"/stats?filter={quote(pattern)}")).splitlines()
        named = (line.rpartition(": ") for line in lines)
        return {name: int(value) for name, _, value in named if value.isdigit()}

    async def until(self, pattern: str, holds: Callable[[Stats], bool]) -> Stats:
        """The stats once ``holds`` says that they are as wanted; looks as long as it is let."""
        looks = 0
        while not holds(stats := await self.stats(pattern)):
            looks += 1
            if looks > QUICK_LOOKS:
                await asyncio.sleep(PAUSE)
        return stats

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Pace:
    """Writes a message in pieces that Envoy reads one by one.

    ``counter`` is the stat that counts what Envoy has read from this side.
    """

    def __init__(self, admin: Admin, counter: str) -> None:
        self._admin = admin
        self._counter = counter
        self._pattern = f"^{re.escape(counter)}$"

    async def write(
        self, writer: asyncio.StreamWriter, pieces: Sequence[bytes], ended: Callable[[], bool]
    ) -> None:
        """Write each piece when Envoy has read the one before; stops when ``ended`` says so."""
        for piece in pieces[:-1]:
            await self.write_and_wait(writer, piece, ended)
            if ended():
                return
        writer.writelines(pieces[-1:])
        await writer.drain()

    async def write_and_wait(
        self, writer: asyncio.StreamWriter, piece: bytes, ended: Callable[[], bool]
    ) -> None:
        """Write ``piece``, and wait until Envoy has read it or ``ended`` says so."""
        wanted = await self._read_so_far() + len(piece)
        writer.write(piece)
        await self._admin.until(self._pattern, self._reached(wanted, ended))

    async def _read_so_far(self) -> int:
        return (await self._admin.stats(self._pattern))[self._counter]

    def _reached(self, wanted: int, ended: Callable[[], bool]) -> Callable[[Stats], bool]:
        return lambda stats: stats[self._counter] >= wanted or ended()


async def _asked(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(f"GET {path} HTTP/1.1\r\nhost: admin\r\n\r\n".encode())
    answers = Reader(["GET"])
    while not (answers.messages and answers.messages[0].whole):
        data = await reader.read(READ_SIZE)
        if not data:
            raise ConnectionResetError("Envoy's admin interface has closed its connection")
        answers.feed(data)
    return answers.messages[0].body.decode()


def _port(status: Mapping[str, Any]) -> int:
    return int(status["local_address"]["socket_address"]["port_value"])
