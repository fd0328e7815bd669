"""Packets for Wireshark, made up around what was captured: pcapng, each exchange a TCP connection.

The bytes are those of ``export.raw``, HTTP/1.1 whatever the wire had. Addresses are the captured
ones where they are known, but each exchange has a client port of its own, so that no two share a
connection; the first packet's comment has the real addresses. Packets come in the order of their
exchanges, not of their times: ``reordercap`` sorts them.
https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html, RFC 791, RFC 8200, RFC 9293
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from mesh_traffic import Exchange
from tap.export import raw
from tap.export.words import remarks, told
from tap.lines import route

SEGMENT = 1_400  # bytes of payload in a packet
MAX_COMMENT = 1_000  # characters
LINKTYPE_RAW = 101  # IP without anything below it
FIRST_PORT, PORTS = 10_000, 50_000  # of the made-up clients

SYN, ACK, PSH, FIN = 0x02, 0x10, 0x08, 0x01
_ADDRESS = re.compile(r"\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a connection: an address as packets have it, and a port."""

    address: bytes
    port: int


@dataclass(slots=True)
class Connection:
    """Packets between two sides, with the sequence numbers of both. ``at``: microseconds."""

    client: Side
    server: Side
    at: int
    sent: int = 1_000  # the client's next sequence number
    received: int = 2_000_000  # the server's

    def opened(self, comment: str) -> Iterator[bytes]:
        yield self._from_client(SYN, b"", comment)
        self.sent += 1
        yield self._from_server(SYN | ACK)
        self.received += 1
        yield self._from_client(ACK)

    def asked(self, data: bytes) -> Iterator[bytes]:
        for part in _segments(data):
            yield self._from_client(PSH | ACK, part)
            self.sent += len(part)
            yield self._from_server(ACK)

    def answered(self, data: bytes) -> Iterator[bytes]:
        for part in _segments(data):
            yield self._from_server(PSH | ACK, part)
            self.received += len(part)
            yield self._from_client(ACK)

    def closed(self) -> Iterator[bytes]:
        yield self._from_client(FIN | ACK)
        self.sent += 1
        yield self._from_server(FIN | ACK)
        self.received += 1
        yield self._from_client(ACK)

    def _from_client(self, flags: int, data: bytes = b"", comment: str = "") -> bytes:
        acknowledged = self.received if flags & ACK else 0
        segment = _tcp(self.client, self.server, self.sent, acknowledged, flags, data)
        return _packet_block(_ip(self.client, self.server, segment), self.at, comment)

    def _from_server(self, flags: int, data: bytes = b"") -> bytes:
        segment = _tcp(self.server, self.client, self.received, self.sent, flags, data)
        return _packet_block(_ip(self.server, self.client, segment), self.at, "")


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    yield _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))  # section header
    yield _block(1, struct.pack("<HHI", LINKTYPE_RAW, 0, 0))  # interface description
    for number, exchange in zip(count(), exchanges):
        yield b"".join(_packets(exchange, FIRST_PORT + number % PORTS))


def _packets(exchange: Exchange, port: int) -> Iterator[bytes]:
    server = _side(exchange.destination.address) or Side(bytes((10, 0, 0, 2)), 80)
    client = _side(exchange.source.address)
    alike = client is not None and len(client.address) == len(server.address)
    address = client.address if client and alike else _made_up(server.address)
    started = _microseconds(exchange.started)
    connection = Connection(Side(address, port), server, started)
    yield from connection.opened(_comment(exchange))
    yield from connection.asked(raw.request(exchange.request))
    duration, answered = exchange.duration or 0.0, exchange.timing.answered
    connection.at = started + _microseconds(duration if answered is None else answered)
    if exchange.response is not None:
        yield from connection.answered(raw.response(exchange.response, exchange.request.method))
    connection.at = max(connection.at, started + _microseconds(duration))
    yield from connection.closed()


def _comment(exchange: Exchange) -> str:
    ends = f"{exchange.source.address or '?'} → {exchange.destination.address or '?'}"
    said = [f"id {exchange.id}", route(exchange), ends, *exchange.flags, *remarks(exchange)]
    return told("   ".join(said))[:MAX_COMMENT]


def _side(address: str) -> Side | None:
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found[2]) > 0xFFFF:
        return None
    family = socket.AF_INET6 if ":" in found[1] else socket.AF_INET
    try:
        return Side(socket.inet_pton(family, found[1]), int(found[2]))
    except OSError:
        return None


def _made_up(server: bytes) -> bytes:
    """A client's address of the same family: RFC 1918, RFC 4193."""
    return bytes((10, 0, 0, 1)) if len(server) == 4 else b"\xfd" + bytes(14) + b"\1"


def _microseconds(seconds: float) -> int:
    """Within what a packet's time can be."""
    return int(min(max(seconds, 0.0), 1e11) * 1_000_000) if seconds == seconds else 0


def _segments(data: bytes) -> Iterator[bytes]:
    return (data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT))


def _tcp(
    source: Side, target: Side, sequence: int, acknowledged: int, flags: int, data: bytes
) -> bytes:
    ports = (source.port, target.port)
    numbers = (sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF)
    head = struct.pack(">HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 0xFFFF, 0, 0)
    length = len(head) + len(data)
    if len(source.address) == 4:
        pseudo = struct.pack(">xBH", socket.IPPROTO_TCP, length)
    else:
        pseudo = struct.pack(">IxxxB", length, socket.IPPROTO_TCP)
    checksum = _checksum(source.address + target.address + pseudo + head + data)
    return head[:16] + struct.pack(">H", checksum) + head[18:] + data


def _ip(source: Side, target: Side, segment: bytes) -> bytes:
    if len(source.address) == 16:
        head = struct.pack(">IHBB", 6 << 28, len(segment), socket.IPPROTO_TCP, 64)
        return head + source.address + target.address + segment
    length = 20 + len(segment)
    head = struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0x4000, 64, socket.IPPROTO_TCP, 0)
    checksum = struct.pack(">H", _checksum(head + source.address + target.address))
    return head[:10] + checksum + source.address + target.address + segment


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): 65,536 is 1 modulo 65,535, so a remainder is the sum."""
    number = int.from_bytes(data + b"\0" * (len(data) % 2), "big")
    total = number % 0xFFFF or (0xFFFF if number else 0)
    return ~total & 0xFFFF


def _packet_block(packet: bytes, at: int, comment: str) -> bytes:
    """An enhanced packet block; the comment is its option 1."""
    head = struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(packet), len(packet))
    options = b""
    if comment:
        text = comment.encode()
        options = struct.pack("<HH", 1, len(text)) + _padded(text) + bytes(4)
    return _block(6, head + _padded(packet) + options)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
