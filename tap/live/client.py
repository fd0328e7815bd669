"""The door to another process's hub: connect to its socket and iterate over what it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesh_traffic import Exchange
from tap.live import wire
from tap.live.coverage import Coverage

CONNECT_WITHIN = 5.0  # seconds


class TapError(Exception):
    """The hub is not there, or refused; the message says why."""


class Watch:
    """``async for event in watch``: exchanges, and a Coverage when it changes, and at the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def finish(self) -> None:
        """Ask for the end: what is under way still comes, a last Coverage, then no more."""
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()

    async def __aiter__(self) -> AsyncIterator[Exchange | Coverage]:
        """Raises TapError when the hub refuses or sends nonsense; ends when the hub does."""
        while line := await self._line():
            try:
                yield wire.decode(line)
            except wire.WireError as error:
                raise TapError(str(error)) from error

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ConnectionError:
            return b""  # the mesh was killed: an end like any other
        except ValueError as error:
            raise TapError(f"the hub sent a line longer than {wire.MAX_LINE} bytes") from error


@asynccontextmanager
async def watch(
    path: Path,
    *,
    service: str = "",
    match: str = "",
    bodies: bool = False,
    summary: bool = False,
) -> AsyncIterator[Watch]:
    """Watch the hub at ``path`` while inside.

    ``service`` keeps requests from or to it; ``match`` is a filter expression, as in
    ``tap.language``; a wrong one is refused with the first event. With ``summary`` the headers of
    exchanges may be missing, which costs the Envoys less. Raises TapError when no hub is served
    there.
    """
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            reader, writer = await asyncio.open_unix_connection(path, limit=wire.MAX_LINE)
    except (OSError, TimeoutError) as error:
        raise TapError(f"no tap is served at {path}: {error or 'no answer'}") from error
    try:
        wish = {"match": match, "service": service, "bodies": bodies, "summary": summary}
        writer.write(json.dumps(wish).encode() + b"\n")
        yield Watch(reader, writer)
    finally:
        writer.close()
