"""The door at which Envoys tell of whole requests by ext_proc, and what switches that on and off.

Each request is a gRPC stream, which its Envoy opens on connections that stay open. Nothing is
answered, and a stream is ended when its response is: an Envoy tells of so many at a time only, and
one that nobody ended would count until its ``deferred_close_timeout``, 5 s later.
Source: Envoy, ``envoy.service.ext_proc.v3.ExternalProcessor``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from tap.ext_proc.collect import Following
from tap.ext_proc.grpc_in import Connection, ConnectionBroken, Event, Received
from tap.ext_proc.grpc_in import Opened as Begun
from tap.ext_proc.messages import prepare
from tap.ext_proc.opening import PREFIX, Opening, opening_of
from tap.sources.private_socket import bound
from tap.sources.source import Attached, Lost, SourceEvent
from tap.traces.request import Rule, TapRequest

log = logging.getLogger(__name__)


class Switch(Protocol):
    """Who tells Envoys what to send."""

    def turn(self, node: str, rule: Rule | None) -> None:
        """From now on the Envoy is to tell of the requests that ``rule`` lets through; None: of
        none."""

    def standing(self, node: str) -> str:
        """Why the Envoy does not go by what it was told yet; "" when it does."""

    def changed(self) -> asyncio.Event:
        """Set when ``standing`` may have changed; to be asked for before it."""


Opened = Callable[[str, Opening], Following | None]


class Processor:
    """Takes streams at a socket. ``opened`` is asked for each, with its Envoy's node id; until it
    is set, nobody wants any."""

    def __init__(self) -> None:
        self.opened: Opened = lambda node, opening: None

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """While inside. Raises OSError if nobody can listen there."""
        loop = asyncio.get_running_loop()
        connections: set[_Connection] = set()
        with bound(path) as listening:
            server = await loop.create_unix_server(
                lambda: _Connection(self, connections), sock=listening
            )
            try:
                yield
            finally:
                server.close()
                for each in tuple(connections):
                    each.close()


class _Connection(asyncio.Protocol):
    """One connection of an Envoy's, with a stream for each request."""

    def __init__(self, processor: Processor, connections: set[_Connection]) -> None:
        self._processor = processor
        self._connections = connections
        self._http2 = Connection(PREFIX)
        self._streams: dict[int, Following] = {}
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        for stream in self._streams.values():
            stream.end()
        self._streams.clear()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._http2.receive(data):
                self._handle(event)
        except ConnectionBroken as error:
            log.warning("an Envoy's captures: %s", error)
            self.close()
            return
        if self._http2.to_send and self._transport is not None:
            self._transport.write(bytes(self._http2.to_send))
            self._http2.to_send.clear()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Received):
            stream = self._streams.get(event.stream)
            if stream is not None and stream.receive(event.message):
                self._end(event.stream)
        elif isinstance(event, Begun):
            begun = self._processor.opened(*opening_of(event.metadata))
            if begun is None:
                self._http2.end(event.stream)
            else:
                self._streams[event.stream] = begun
        else:
            self._end(event.stream)

    def _end(self, number: int) -> None:
        self._http2.end(number)
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.end()


class ExtProc:
    """Opens the sources of a mesh's Envoys, which a ``switch`` reaches. For ``Hub.open_source``."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self._current: dict[str, ExtProcSource] = {}

    def open(self, node: str, request: TapRequest) -> ExtProcSource:
        """The source of an Envoy; it takes the place of the one before without a gap."""
        return ExtProcSource(self, node, request.match)

    def begin(self, source: ExtProcSource) -> None:
        prepare()
        self._current[source.node] = source
        self.switch.turn(source.node, source.rule)

    def end(self, source: ExtProcSource) -> None:
        """Who takes its place begins now, in the same round of the event loop, or nobody does."""
        asyncio.get_running_loop().call_soon(self._off, source)

    def _off(self, source: ExtProcSource) -> None:
        if self._current.get(source.node) is source:
            del self._current[source.node]
            self.switch.turn(source.node, None)


class ExtProcSource:
    """While somebody iterates, the Envoy ``node`` tells of what ``rule`` lets through. What it
    tells comes to the ``Processor``; here is told whether it does."""

    def __init__(self, door: ExtProc, node: str, rule: Rule) -> None:
        self.node = node
        self.rule = rule
        self._door = door

    async def events(self) -> AsyncGenerator[SourceEvent, None]:
        switch = self._door.switch
        self._door.begin(self)
        told: str | None = None
        try:
            while True:
                changed = switch.changed()
                why = switch.standing(self.node)
                if why != told:
                    told = why
                    yield Lost(why) if why else Attached()
                await changed.wait()
        finally:
            self._door.end(self)

    def nudge(self) -> None:
        """It hears by itself when its Envoy is there."""
