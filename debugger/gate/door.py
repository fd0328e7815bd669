"""The door at which Envoys ask the gate: HTTP/2 at a Unix socket, a gRPC stream for each request.

It is that of ``envoy.service.ext_proc.v3.ExternalProcessor``, and of nothing else: whatever is
called is taken for it. gRPC's own server takes one stream at a time, which hundreds that are held
at once would wait for; here, who waits is a row in a table.

Source: gRPC, "PROTOCOL-HTTP2".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes, Settings

from debugger.gate import hold
from debugger.gate.gate import Close, Command, Gate, Reply
from tap.ext_proc.messages import prepare
from tap.ext_proc.opening import PREFIX, opening_of
from tap.live.background import background
from tap.sources.private_socket import bound

MAX_STREAMS = 4096  # at a time, of one connection
MAX_MESSAGE = 8 * 1024 * 1024  # bytes
STREAM_WINDOW, WINDOW = 1024 * 1024, 16 * 1024 * 1024  # bytes that may be on their way to us
LOOK_EVERY = 0.2  # seconds between two looks at leases
_SETTINGS = {
    SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
    SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
}
_ANSWER = [(":status", "200"), ("content-type", "application/grpc")]
_OVER = [("grpc-status", "0")]

log = logging.getLogger(__name__)


class Stream(NamedTuple):
    """What the gate knows a session by."""

    connection: _Connection
    number: int


class Door:
    """``heard`` is told what the gate tells; ``clock`` gives epoch seconds."""

    def __init__(
        self, gate: Gate, heard: Callable[[hold.Event], None], clock: Callable[[], float]
    ) -> None:
        self.gate = gate
        self.clock = clock
        self._heard = heard
        self._connections: set[_Connection] = set()

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """While inside. Raises OSError if nobody can listen there."""
        loop = asyncio.get_running_loop()
        prepare()
        with bound(path) as listening:
            server = await loop.create_unix_server(lambda: _Connection(self), sock=listening)
            try:
                async with background() as spawn:
                    spawn(self._look(), "leases of breakpoints")
                    yield
            finally:
                server.close()
                for each in tuple(self._connections):
                    each.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.carry_out(self.gate.tick(self.clock()))

    def carry_out(self, commands: Iterable[Command]) -> None:
        """What the gate says is to be done."""
        touched: dict[_Connection, None] = {}
        for command in commands:
            if not isinstance(command, Reply | Close):
                self._heard(command.event)
                continue
            assert isinstance(command.session, Stream)
            connection, number = command.session
            touched[connection] = None
            if isinstance(command, Reply):
                connection.send(number, command.data)
            else:
                connection.end(number)
        for connection in touched:
            connection.flush()

    # for its connections

    def came(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def left(self, connection: _Connection) -> None:
        self._connections.discard(connection)


class _Incoming:
    """Of one stream: ``rest`` of a message that has not come whole, and what has to wait until the
    Envoy takes more."""

    def __init__(self) -> None:
        self.rest = bytearray()
        self.waiting = bytearray()
        self.ends = False


class _Connection(asyncio.Protocol):
    """One connection of an Envoy's."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._http2 = H2Connection(
            H2Configuration(
                client_side=False, header_encoding="utf-8", validate_inbound_headers=False
            )
        )
        self._streams: dict[int, _Incoming] = {}
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._door.came(self)
        self._http2.local_settings = Settings(client=False, initial_values=_SETTINGS)
        self._http2.initiate_connection()
        self._http2.increment_flow_control_window(WINDOW)
        self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._gone()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self._http2.receive_data(data):
                with suppress(StreamClosedError):  # its reset was read, and is handled further on
                    self._handle(event)
        except ProtocolError as error:
            log.warning("an Envoy at the gate: %s", error)
            self.close()
            return
        self.flush()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()
        self._gone()

    def _gone(self) -> None:
        self._door.left(self)
        numbers, self._streams = list(self._streams), {}
        for number in numbers:
            self._lost(number)

    def flush(self) -> None:
        """Send what is there to be sent."""
        data = self._http2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def _handle(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._open(event)
        elif isinstance(event, DataReceived):
            self._receive(event)
        elif isinstance(event, StreamEnded | StreamReset):
            assert event.stream_id is not None
            if self._streams.pop(event.stream_id, None) is not None:
                self._lost(event.stream_id)
                if isinstance(event, StreamEnded):
                    self._http2.send_headers(event.stream_id, _OVER, end_stream=True)
        elif isinstance(event, WindowUpdated):
            for number in [event.stream_id] if event.stream_id else list(self._streams):
                self._drain(number)

    def _open(self, event: RequestReceived) -> None:
        number = event.stream_id
        assert number is not None
        fields = [(str(name), str(value)) for name, value in event.headers or ()]
        told = {n.removeprefix(PREFIX): v for n, v in fields if n.startswith(PREFIX)}
        self._streams[number] = _Incoming()
        self._http2.send_headers(number, _ANSWER)
        self._door.gate.open(Stream(self, number), *opening_of(told))

    def _receive(self, event: DataReceived) -> None:
        number, size = event.stream_id, event.flow_controlled_length
        assert number is not None
        self._http2.acknowledge_received_data(size or 0, number)
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.rest += event.data or b""
        for message in _messages(stream.rest):
            if message is None:
                self._streams.pop(number, None)
                self._http2.reset_stream(number, ErrorCodes.ENHANCE_YOUR_CALM)
                self._lost(number)
                return
            gate, now = self._door.gate, self._door.clock()
            self._door.carry_out(gate.receive(Stream(self, number), message, now))

    def _lost(self, number: int) -> None:
        self._door.carry_out(self._door.gate.lost(Stream(self, number), self._door.clock()))

    # for the door

    def send(self, number: int, message: bytes) -> None:
        """One message of that stream, as soon as the Envoy takes it."""
        stream = self._streams.get(number)
        if stream is not None:
            stream.waiting += b"\0" + len(message).to_bytes(4, "big") + message
            self._drain(number)

    def end(self, number: int) -> None:
        """No more is sent in that stream, or wanted of it."""
        stream = self._streams.get(number)
        if stream is not None:
            stream.ends = True
            self._drain(number)

    def _drain(self, number: int | None) -> None:
        stream = self._streams.get(number or 0)
        if stream is None or number is None:
            return
        while stream.waiting:
            room = min(
                self._http2.local_flow_control_window(number), self._http2.max_outbound_frame_size
            )
            if room <= 0:
                return
            self._http2.send_data(number, bytes(stream.waiting[:room]))
            del stream.waiting[:room]
        if stream.ends:
            del self._streams[number]
            self._http2.send_headers(number, _OVER, end_stream=True)
            self._http2.reset_stream(number, ErrorCodes.NO_ERROR)  # RFC 9113, section 8.1


def _messages(rest: bytearray) -> Iterable[bytes | None]:
    """Those that are whole, taken off; None: one that nobody may send."""
    while len(rest) >= 5:
        size = int.from_bytes(rest[1:5], "big")
        if rest[0] or size > MAX_MESSAGE:
            yield None
            return
        if len(rest) < 5 + size:
            return
        message = bytes(rest[5 : 5 + size])
        del rest[: 5 + size]
        yield message
