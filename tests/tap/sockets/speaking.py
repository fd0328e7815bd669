"""What tests of connections share: bytes of either side in, exchanges out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from mesh_traffic import Exchange
from tap.sockets.assemble import Sockets
from tap.sockets.spoken import Speech, Spoken
from tap.sockets.traces import Kind, SocketEvent, SocketTrace
from tap.topology import Listener, Topology

LOCAL, REMOTE = "127.0.0.1:443", "127.0.0.1:5000"
TOPOLOGY = Topology({LOCAL: Listener("n", "inbound", "reviews", "v1")})

Talk = Iterable[tuple[str, bytes]]  # ">" of the client, "<" of the server


def heard(speech: Speech, talk: Talk, size: int = 1 << 20) -> list[Spoken]:
    """What comes of it, ``size`` bytes at a time, second by second."""
    found = []
    for at, (side, data) in enumerate(talk):
        for start in range(0, len(data), size):
            found += speech.receive(side == ">", data[start : start + size], float(at))
    return found


def events(*talk: tuple[str, bytes], cut: int = 1 << 30) -> list[SocketEvent]:
    """As Envoy streams them, each event cut at so many bytes."""
    kinds: dict[str, Kind] = {">": "read", "<": "write", "x": "closed"}
    made, seq = [], 1
    for at, (side, data) in enumerate(talk, 1):
        where = seq + (side == "x")
        made.append(SocketEvent(kinds[side], data[:cut], float(at), where, len(data) > cut))
        seq += len(data)
    return made


def sockets(keep: int = 1 << 20) -> Sockets:
    return Sockets("n", map("{:04x}".format, count(1)), keep)


def begin(trace_id: str = "7") -> SocketTrace:
    return SocketTrace(trace_id, LOCAL, REMOTE)


def tell(of: Sockets, given: Iterable[SocketEvent], trace_id: str = "7") -> list[Exchange]:
    """One segment for each event."""
    return [
        exchange
        for event in given
        for exchange in of.receive(SocketTrace(trace_id, events=(event,)), TOPOLOGY, 99.0)
    ]
