"""One tapped connection: its events → what was said on it, in whatever protocol. Sans-IO.

Rule 1: who speaks first is the client, unless the topology knows better: of a connection that Envoy
        took, the client's bytes are read; of one that it made, they are written.
Rule 2: the client's first line decides about the protocol; what is no HTTP, or no longer, is opaque
        from there on.
Rule 3: bytes that are missing are told by ``seq``. Where they can't be done without, or where the
        tap came when the connection was there already, HTTP/1.1 is taken up again at a request's
        first line. HTTP/2 is not: its headers refer to earlier ones.
"""

from __future__ import annotations

import re

from tap.sockets.http1 import Http1
from tap.sockets.http2 import PREFACE, Http2
from tap.sockets.opaque import Opaque
from tap.sockets.spoken import MAX_HEAD, Broken, OutOfStep, Speech, Spoken
from tap.sockets.traces import SocketEvent

CLOSED = "connection closed before the end of the response"
CUT_OFF = "capture ended before the response"
LOST = "bytes of the connection were not captured"
_REQUEST_LINE = re.compile(
    rb"(?:\r\n)*[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64} [^ \r\n]+ HTTP/1\.[01]\r?\n"
)


class Connection:
    """``took``: whether Envoy took the connection; None: who speaks first tells.

    ``gaps`` counts how often bytes were missing that were needed; ``is_closed``: no more comes.
    """

    def __init__(self, keep: int, local: str, remote: str, took: bool | None, now: float) -> None:
        self.local, self.remote, self.took = local, remote, took
        self.gaps = self.lost = 0
        self.is_closed = False
        self._keep = keep
        self._at = now
        self._speech: Speech | None = None
        self._first: list[tuple[bool, bytes, float]] = []  # before the protocol is known
        self._adrift = False  # waits for a request to begin
        self._expected = 0  # the next event's ``seq``; 0: not known
        self._cut: bool | None = None  # whose event was cut; None: nobody's
        self._silenced: set[bool] = set()  # whose bytes make no sense any more

    @property
    def held(self) -> int:
        first = sum(len(data) for _, data, _ in self._first)
        return first + (self._speech.held if self._speech else 0)

    def join_midway(self) -> None:
        """Its beginning was not seen."""
        self._adrift, self.gaps = True, self.gaps + 1

    def receive(self, event: SocketEvent, now: float) -> list[Spoken]:
        if self.is_closed:
            return []
        at = self._at = event.time or now
        if self.took is None and (not self._adrift or _REQUEST_LINE.match(event.data)):
            self.took = event.kind == "read"
        done = self._look_for_gap(event, at)
        if event.kind == "closed":
            return [*done, *self.close(CLOSED)]
        asking = (event.kind == "read") == self.took
        if asking not in self._silenced:
            done += self._hear(asking, event.data, at)
        self._cut = asking if event.truncated and event.seq else None
        if event.truncated and not event.seq:  # how much is missing will not be told
            self._silenced.add(asking)
            self.gaps += 1
        return done

    def close(self, why: str) -> list[Spoken]:
        """What is left, as far as it came."""
        self.is_closed = True
        if self._speech is None and self._first:
            self._speech = Opaque(self._keep, self._first[0][2])
            for asking, data, at in self._first:
                self._speech.receive(asking, data, at)
            self._first.clear()
        return self._finish(why)

    def _look_for_gap(self, event: SocketEvent, at: float) -> list[Spoken]:
        """Compare the event's place with where the one before it ended."""
        expected, cut = self._expected, self._cut
        self._expected = event.seq + len(event.data) if event.seq else 0
        missing = event.seq - expected if event.seq and expected else 0
        missing -= event.kind == "closed" and missing > 0  # its seq is one more (Envoy 1.40)
        if cut is None and missing == 0:
            return []
        if missing < 0 or cut is None or self._adrift:
            return self._drift()
        try:
            return self._speech.miss(cut, missing, at) if self._speech else self._drift()
        except (Broken, OutOfStep):
            return self._drift()

    def _drift(self) -> list[Spoken]:
        """Bytes are missing, and nobody knows which."""
        self.gaps += 1
        if isinstance(self._speech, Opaque):
            return []
        self._adrift = True
        self._first.clear()
        return self._finish(LOST)

    def _finish(self, why: str) -> list[Spoken]:
        speech, self._speech = self._speech, None
        if speech is None:
            return []
        unread = speech.unread
        done = speech.close(self._at, why)
        self.lost += speech.lost
        if unread:
            opaque = Opaque(self._keep, self._at, text=True)
            opaque.receive(True, unread, self._at)
            done += opaque.close(self._at, why)
        return done

    def _hear(self, asking: bool, data: bytes, at: float) -> list[Spoken]:
        if not data:
            return []
        if self._adrift:
            if not asking or not _REQUEST_LINE.match(data):
                return []
            self._adrift = False
        if self._speech is None:
            self._first.append((asking, data, at))
            self._speech = self._told_by(self._first)
            if self._speech is None:
                return []
            heard, self._first = self._first, []
            return [one for first in heard for one in self._say(*first)]
        return self._say(asking, data, at)

    def _told_by(self, first: list[tuple[bool, bytes, float]]) -> Speech | None:
        """The protocol, as soon as it can be told."""
        asked = b"".join(data for asking, data, _ in first if asking)
        if asked.startswith(PREFACE[:16]):
            return Http2(self._keep)
        if _REQUEST_LINE.match(asked):
            return Http1(self._keep)
        began = first[0][2]
        if not first[-1][0]:  # the server speaks: to what has no line yet, or first
            answer = first[-1][1]
            return (
                Http1(self._keep)
                if not asked and answer[:7] == b"HTTP/1."
                else Opaque(self._keep, began)
            )
        may_be = PREFACE[:16].startswith(asked) or (
            b"\n" not in asked.lstrip() and len(asked) < MAX_HEAD
        )
        return None if may_be else Opaque(self._keep, began)

    def _say(self, asking: bool, data: bytes, at: float) -> list[Spoken]:
        assert self._speech is not None, "it was told by the first bytes"
        try:
            return self._speech.receive(asking, data, at)
        except Broken as error:
            done = self._speech.close(at, f"no HTTP: {error}")
            shown = self._keep if isinstance(self._speech, Http1) else 0
            self._speech = Opaque(shown, at, text=True)
            self._speech.receive(asking, error.unread or data, at)
            return done
