"""What the echo speaks besides HTTP and gRPC: bytes in, bytes out, no I/O.

One module for each; :class:`Spoken` is what it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mini_mesh.echo.spoken import lines, redis, thrift

MAX_WAITING = 64 * 1024  # bytes of a question that is not whole yet


class Session(Protocol):
    """One connection, as the one that is asked sees it."""

    def receive(self, data: bytes) -> bytes:
        """The answers to what is whole by now. Raises ``ValueError`` for what can't be read."""


class Spoken(Protocol):
    """A protocol: a module of this room."""

    def session(self, who: str, /) -> Session:
        """A connection to ``who``, a service and its version."""

    def question(self, text: str, /) -> bytes:
        """Something to ask, with ``text`` in it."""

    def answered(self, data: bytes, /) -> str | None:
        """What the answer to it says; ``None`` while it is not whole."""


# By name, as in mesh_patterns.protocols.
SPOKEN: Mapping[str, Spoken] = {
    "tcp": lines,
    "tls": lines,
    "redis": redis,
    "thrift": thrift,
}
