"""What was said on a connection: messages while they come, and a request with its response.

Every protocol (``http1``, ``http2``, ``opaque``) is one :class:`Speech`: bytes of either side in,
what is complete out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from mesh_traffic import Body, Headers

MAX_HEAD = 64 * 1024  # bytes of a message's headers; Envoy's own default is 60 KiB
MAX_MISSED = 64 << 20  # bytes of a body that may be missing
MAX_WAITING = 1000  # requests of one connection that have not ended


class Broken(Exception):
    """The bytes are not of the protocol (any more). ``unread``: those that were to be a message."""

    def __init__(self, why: str, unread: bytes = b"") -> None:
        super().__init__(why)
        self.unread = unread


class OutOfStep(Exception):
    """Bytes are missing in a place where nobody knows what they were."""


@dataclass(slots=True)
class Said:
    """A message as far as it came. ``fields`` are as in HTTP/2, ``:method`` among them.

    ``size`` counts all bytes of the body, ``keep`` of which are kept. ``begin`` and ``end`` are
    when its first and its last byte passed, in epoch seconds.
    """

    fields: Headers
    begin: float
    keep: int
    end: float | None = None
    size: int = 0
    cut: bool = False  # bytes of the body are missing
    trailers: Headers = field(default_factory=Headers)
    data: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if not self.cut:
            self.data += data[: max(0, self.keep - len(self.data))]

    def miss(self, size: int) -> None:
        """So much of the body was not seen: what comes after it is no beginning any more."""
        self.size += size
        self.cut = True

    def body(self) -> Body:
        over = self.end is not None
        whole = len(self.data) == self.size and over
        return Body(bytes(self.data), not whole, self.size if over else None)


@dataclass(slots=True)
class Spoken:
    """A request and its response; None: it was not seen. ``details``: why there is no more."""

    request: Said | None
    response: Said | None = None
    details: str = ""

    @property
    def held(self) -> int:
        return sum(len(said.data) for said in (self.request, self.response) if said)


class Speech(Protocol):
    """One connection's protocol. Who raised Broken or OutOfStep is asked to ``close`` only."""

    lost: int  # requests given out before their end, because too many waited

    @property
    def held(self) -> int:
        """Bytes that wait."""
        ...

    def receive(self, asking: bool, data: bytes, at: float) -> list[Spoken]:
        """Bytes of the client (``asking``) or of the server; what they complete."""
        ...

    @property
    def unread(self) -> bytes:
        """The beginning of a message of the client that has not come to its end."""
        ...

    def miss(self, asking: bool, size: int, at: float) -> list[Spoken]:
        """So many bytes of that side were not seen."""
        ...

    def close(self, at: float, why: str) -> list[Spoken]:
        """There will be no more: what is left, as far as it came."""
        ...
