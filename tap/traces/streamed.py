"""Streamed segments → the trace that a buffered tap would have sent. Sans-IO, time is an argument.

Rule 1: a streamed trace has no end mark. It is over when its response's trailers came, when its
        body reached ``content-length`` or was truncated, when it can have no body, or else when
        nothing more came for a while (``tick``).
Rule 2: pending ones are bounded, in number and in bytes of bodies; beyond that the oldest is given
        out as it is, and counted.
Rule 3: what comes of a trace after it was given out is not another trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mesh_traffic import Body, Headers
from tap.traces.decode import BufferedTrace, Message, Piece, Segment
from tap.traces.request import MAX_BODY_BYTES

MAX_PENDING = 4096  # streamed traces of one Envoy without an end
MAX_BODY = MAX_BODY_BYTES  # of each side of a trace; an Envoy that was asked by us sends no more
MAX_HELD = 64 * MAX_BODY  # bytes of all bodies
SETTLED = 0.5  # seconds of silence after which a response without a known length is over
GIVEN_UP = 60.0  # seconds of silence after which a request has no response


@dataclass(slots=True)
class _Side:
    """A request or a response, as far as it came."""

    time: float = 0.0
    headers: Headers | None = None
    body: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    trailers: Headers | None = None

    def add(self, piece: Piece, content: Headers | Body, now: float) -> None:
        if isinstance(content, Body):
            self.body += content.data
            self.truncated |= content.truncated or len(self.body) > MAX_BODY
            del self.body[MAX_BODY:]
        elif piece.endswith("trailers"):
            self.trailers = content
        else:
            self.headers, self.time = content, now

    def message(self) -> Message | None:
        if self.headers is None:
            return None
        data = bytes(self.body)
        body = Body(data, self.truncated, None if self.truncated else len(data))
        return Message(self.headers, body, self.trailers or Headers(), self.time)


@dataclass(slots=True)
class _Pending:
    last: float
    request: _Side = field(default_factory=_Side)
    response: _Side = field(default_factory=_Side)

    def is_over(self) -> bool:
        headers = self.response.headers
        if headers is None:
            return False
        if self.response.trailers is not None or self.response.truncated:
            return True
        asked = self.request.headers or Headers()
        if asked.get(":method") == "HEAD" or headers.get(":status") in ("204", "304"):
            return True
        return headers.get("content-length") == str(len(self.response.body))

    def is_silent(self, now: float) -> bool:
        patience = GIVEN_UP if self.response.headers is None else SETTLED
        return now - self.last > patience

    def trace(self) -> BufferedTrace:
        return BufferedTrace(self.request.message(), self.response.message())


class Streams:
    """The streamed traces of one Envoy. ``evicted`` counts those that rule 2 gave out."""

    def __init__(self) -> None:
        self.evicted = 0
        self._held = 0  # bytes of bodies
        self._pending: dict[str, _Pending] = {}  # the oldest first
        self._early: dict[str, None] = {}  # given out before their end, the oldest first

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._pending)

    def receive(self, trace: BufferedTrace | Segment, now: float) -> list[BufferedTrace]:
        """The traces that ``trace`` completes, or is; ``now``: its arrival, epoch seconds."""
        return [trace] if isinstance(trace, BufferedTrace) else self._segment(trace, now)

    def _segment(self, segment: Segment, now: float) -> list[BufferedTrace]:
        key = segment.trace_id
        done = [] if key in self._pending else self._begin(segment, now)
        if (pending := self._pending.get(key)) is None:
            return done
        side = pending.request if segment.piece.startswith("request") else pending.response
        before = len(side.body)
        side.add(segment.piece, segment.content, now)
        self._held += len(side.body) - before
        pending.last = now
        if pending.is_over():
            done.append(self._take(key))
        while self._held > MAX_HELD:
            done.append(self._evict())
        return done

    def tick(self, now: float) -> list[BufferedTrace]:
        """Those that went silent."""
        return [self._give_out(key) for key, one in [*self._pending.items()] if one.is_silent(now)]

    def flush(self) -> list[BufferedTrace]:
        """All that is pending, as far as it came: there will be no more."""
        return [self._give_out(key) for key in [*self._pending]]

    def _begin(self, segment: Segment, now: float) -> list[BufferedTrace]:
        """A trace begins with headers: a request's, or a response's to bytes that were none."""
        if segment.trace_id in self._early or not segment.piece.endswith("headers"):
            return []
        done = [self._evict()] if len(self._pending) >= MAX_PENDING else []
        self._pending[segment.trace_id] = _Pending(last=now)
        return done

    def _evict(self) -> BufferedTrace:
        self.evicted += 1
        return self._give_out(next(iter(self._pending)))

    def _give_out(self, key: str) -> BufferedTrace:
        self._early[key] = None
        if len(self._early) > MAX_PENDING:
            del self._early[next(iter(self._early))]
        return self._take(key)

    def _take(self, key: str) -> BufferedTrace:
        found = self._pending.pop(key)
        self._held -= len(found.request.body) + len(found.response.body)
        return found.trace()
