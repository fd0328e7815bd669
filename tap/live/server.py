"""The door to a running mesh's hub: a Unix socket that only its owner may open.

A client sends one JSON line that says what it wants, then gets an event a line. When it closes its
side it gets a last coverage, and the hub closes. It can't slow the hub down: its viewer's queue is
bounded and drops.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mesh_traffic import Exchange
from tap.language.match import Match, MatchError, read_match
from tap.language.terms import Predicate
from tap.live import wire
from tap.live.background import background
from tap.live.coverage import Coverage
from tap.live.hub import Hub, HubError
from tap.live.viewer import Viewer, Wish
from tap.sources.private_socket import bound
from tap.topology import Topology

MAX_REQUEST = 64 * 1024  # bytes of a client's line
ASK_WITHIN = 5.0  # seconds for a client to say what it wants
AT_ONCE = 64 * 1024  # bytes written to a client before it is asked to have read them
COVERAGE_EVERY = 1.0  # seconds, if it changed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants to watch. ``summary``: no headers are needed, nor bodies."""

    match: str = ""
    service: str = ""
    bodies: bool = False
    summary: bool = False

    @classmethod
    def of_line(cls, line: bytes) -> Asked:
        try:
            values: dict[str, Any] = json.loads(line)
            asked = cls(**values)
        except (ValueError, TypeError) as error:
            raise HubError(
                f"expected a JSON object with match, service, bodies, summary: {error}"
            ) from error
        if not isinstance(asked.match, str) or not isinstance(asked.service, str):
            raise HubError("match and service have to be text")
        return asked

    def wish(self, match: Match) -> Wish:
        """What its filter, and what it asked for, need of the hub."""
        needs_tap = match.message or not self.summary
        return Wish(self.bodies, needs_tap, reads=match.message, implied=match.implied)


@asynccontextmanager
async def serve(hub: Hub, path: Path) -> AsyncIterator[None]:
    """Run ``hub`` and offer it at ``path`` (mode 0600) while inside.

    Raises:
        HubError: the path is too long, or another hub is served there.
    """
    lines = wire.Lines()
    with _bound(path) as listening:
        async with hub.running(), background() as spawn:

            def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                spawn(_serve_client(hub, reader, writer, lines), "tap client")

            server = await asyncio.start_unix_server(connected, sock=listening, limit=MAX_REQUEST)
            try:
                yield
            finally:
                server.close()


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    with ExitStack() as stack:
        try:
            listening = stack.enter_context(bound(path))
        except OSError as error:
            raise HubError(f"{path}: {error.strerror or error}") from error
        yield listening


async def _serve_client(
    hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lines: wire.Lines
) -> None:
    try:
        await _answer(hub, reader, writer, lines)
    except OSError:
        log.debug("a tap client left", exc_info=True)
    except Exception:  # one client's trouble is nobody else's
        log.exception("a tap client's session ended")
    finally:
        writer.close()


async def _answer(
    hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lines: wire.Lines
) -> None:
    try:
        async with asyncio.timeout(ASK_WITHIN):
            asked = Asked.of_line(await reader.readline())
        match = read_match(asked.match)
        predicate = _of_service(match, asked.service, hub.topology)
        with hub.watch(predicate, asked.wish(match)) as viewer:
            await _show(viewer, reader, writer, lines)
            writer.write(wire.encode(viewer.coverage()))
    except TimeoutError:
        writer.write(wire.encode_error(f"nothing was asked within {ASK_WITHIN:g} s"))
    except (HubError, MatchError, ValueError) as error:
        writer.write(wire.encode_error(str(error)))
    await writer.drain()


async def _show(
    viewer: Viewer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lines: wire.Lines
) -> None:
    """Send what the viewer sees until the client closes its side."""
    async with background() as spawn:
        spawn(_pump(viewer, writer, lines), "tap pump")
        while await reader.read(MAX_REQUEST):
            pass  # a client has nothing more to say


async def _pump(viewer: Viewer, writer: asyncio.StreamWriter, lines: wire.Lines) -> None:
    told = viewer.coverage()
    with suppress(ConnectionError):  # the client died; its reader ends as well
        while True:
            event: Exchange | Coverage | None = await _next(viewer, told)
            size = 0
            while event is not None:
                if isinstance(event, Coverage):
                    told = event
                line = lines.of(event)
                writer.write(line)
                size += len(line)
                event = viewer.pop() if size < AT_ONCE else None
            await writer.drain()


async def _next(viewer: Viewer, told: Coverage) -> Exchange | Coverage:
    """The viewer's next event, or the coverage when only that has changed."""
    while True:
        try:
            async with asyncio.timeout(COVERAGE_EVERY):
                return await viewer.next()
        except TimeoutError:
            if (coverage := viewer.coverage()) != told:
                return coverage


def _of_service(matches: Predicate, service: str, topology: Topology) -> Predicate:
    """``matches``, for requests from or to ``service`` only, if one is named."""
    if not service:
        return matches
    known = topology.services()
    if service not in known:
        raise HubError(f"unknown service {service!r}, the mesh has {', '.join(sorted(known))}")
    return lambda exchange: (
        service in (exchange.source.service, exchange.destination.service) and matches(exchange)
    )
