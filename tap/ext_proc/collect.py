"""What an Envoy's ext_proc filter tells of requests while they happen → traces. Sans-IO.

Each request is a gRPC stream of its own, whose messages are pieces of it.

Rule 1: a request is over when its response is: whoever has told so far needs no answer.
Rule 2: of one whose client left, or whose upstream broke off, no end is told: Envoy keeps such a
        stream open for its deferred_close_timeout (5 s). The access log knows earlier: ``GRACE``
        after its entry, the stream is given out as it is.
Rule 3: bodies come whole, whatever they weigh. Of each, ``MAX_BODY`` is kept, and ``MAX_HELD`` of
        all that are on their way; beyond that they are cut off, and say so.
Rule 4: what comes too late for its log's half is not worth reading, and reading it would make all
        that comes after it late, too: a stream whose request began ``MAX_LAG`` before we turn to it
        is counted as lost.
Rule 5: any bytes are pieces or counted errors, never an exception.

Source: Envoy, ``envoy.service.ext_proc.v3.ProcessingRequest``, and ``observability_mode``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from mesh_traffic import Body, Headers
from tap.access_log import Entry
from tap.ext_proc.messages import fields_of, parse
from tap.ext_proc.opening import Opening
from tap.traces.decode import BufferedTrace, Message
from xds_server.errors import WireError

SOURCE = "ext_proc"
MAX_BODY = 1024 * 1024  # bytes kept of each body
MAX_HELD = 64 * 1024 * 1024  # bytes of the bodies of one Envoy's requests that have not ended
MAX_STREAMS = 8192  # of one Envoy at a time; its breaker allows fewer
MAX_LAG = 0.8  # seconds; the log's half waits longer, but not by much (tap.join)
SAME = 1e-5  # seconds between two readings of one time: in microseconds, as floats
GRACE = 0.25  # seconds from a request's entry in the access log until its stream is given out

Key = tuple[str, str]  # the client's address and x-request-id, as in tap.join


class _Side:
    """A request or a response, as far as it came."""

    def __init__(self) -> None:
        self.headers: Headers | None = None
        self.trailers = Headers()
        self.body = bytearray()
        self.truncated = False
        self.ended = False

    def add(self, data: bytes, room: int) -> int:
        """Keep what there is room for; how many bytes that was."""
        kept = data[: max(0, min(room, MAX_BODY - len(self.body)))]
        self.body += kept
        self.truncated |= len(kept) < len(data)
        return len(kept)

    def message(self, time: float | None) -> Message | None:
        if self.headers is None:
            return None
        body = Body(bytes(self.body), self.truncated, None if self.truncated else len(self.body))
        return Message(self.headers, body, self.trailers, time)


class Stream:
    """One request at one Envoy. :meth:`receive` its messages, then let the collector close it."""

    def __init__(self, collector: Collector, opening: Opening) -> None:
        self.opening = opening
        self.key: Key | None = None
        self.request, self.response = _Side(), _Side()
        self._upstream = ""
        self._collector = collector

    def receive(self, data: bytes) -> bool:
        """A message came; whether that was all that is to be told."""
        if not self._collector.wants(self):
            return True
        try:
            message = parse(data)
        except WireError:
            self._collector.reject(self)
            return True
        piece = message.WhichOneof("request") or ""
        name, _, part = piece.partition("_")
        side = {"request": self.request, "response": self.response}.get(name)
        if side is None:
            return False
        self._take(side, part, getattr(message, piece))
        if piece == "response_headers":
            self._upstream = _upstream(message.attributes)
        return self.response.ended

    def _take(self, side: _Side, part: str, content: Any) -> None:
        if part == "body":
            self._collector.hold(side.add(content.body, self._collector.room))
            side.ended = content.end_of_stream
        elif part == "trailers":
            side.trailers, side.ended = fields_of(content.trailers), True
        else:
            side.headers, side.ended = fields_of(content.headers), content.end_of_stream
            if side is self.request:
                known = side.headers.get("x-request-id") or ""
                self._collector.know(self, (self.opening.client, known))

    def began(self, started: float) -> bool:
        """Whether it is about the request that began then, by the same clock: with one client's
        connection and one ``x-request-id``, there may have been several."""
        own = self.opening.started
        return own is not None and abs(own - started) < SAME

    @property
    def held(self) -> int:
        """Bytes of its bodies."""
        return len(self.request.body) + len(self.response.body)

    def trace(self) -> BufferedTrace | None:
        """What was told; None if that was nothing."""
        if self.request.headers is None and self.response.headers is None:
            return None
        if self.response.ended and not self.request.ended:
            self.request.truncated = self.request.headers is not None  # nobody listens any more
        return BufferedTrace(
            self.request.message(self.opening.started),
            self.response.message(None if self.request.headers else self.opening.started),
            listener=self.opening.listener,
            client=self.opening.client,
            upstream=self._upstream,
            source=SOURCE,
        )


class Following:
    """A stream for who receives its messages; ``closed`` is told when it is over."""

    def __init__(self, stream: Stream, closed: Callable[[Stream], None]) -> None:
        self.receive = stream.receive
        self.end = partial(closed, stream)


class Collector:
    """The streams of one Envoy. ``begun`` counts them all; ``errors`` those that could not be read
    or told nothing, for which there was no room, or that came too late."""

    def __init__(self) -> None:
        self.begun = 0
        self.errors = 0
        self.room = MAX_HELD
        self._streams: dict[Stream, None] = {}  # the oldest first
        self._by_key: dict[Key, Stream] = {}
        self._ending: dict[Stream, float] = {}  # and when to give them out

    def __len__(self) -> int:
        """How many are on their way that have ended for the access log."""
        return len(self._ending)

    def open(self, opening: Opening, now: float) -> Stream | None:
        """A stream begins; None: it can't be read."""
        self.begun += 1
        late = opening.started is not None and now - opening.started > MAX_LAG
        if late or len(self._streams) >= MAX_STREAMS:
            self.errors += 1
            return None
        stream = Stream(self, opening)
        self._streams[stream] = None
        return stream

    def skip(self) -> None:
        """A stream begins that nobody wants to read."""
        self.begun += 1

    def close(self, stream: Stream) -> list[BufferedTrace]:
        """The stream is over, or its Envoy ended it: what is to be given out of it."""
        if stream not in self._streams:
            return []  # given out, rejected or dropped already
        self._forget(stream)
        trace = stream.trace()
        self.errors += trace is None
        return [] if trace is None else [trace]

    def logged(self, entries: Iterable[Entry], now: float) -> None:
        """The access log told the end of these requests."""
        for entry in entries if self._by_key else ():
            stream = self._by_key.get((entry.client, entry.request_id))
            if stream is not None and stream.began(entry.started):
                self._ending.setdefault(stream, now + GRACE)

    def tick(self, now: float) -> list[BufferedTrace]:
        """Those whose end was told elsewhere, and not here."""
        due = [stream for stream, end in self._ending.items() if end <= now]
        return [trace for stream in due for trace in self.close(stream)]

    def drop(self) -> None:
        """Nobody wants to read what is on its way."""
        for stream in [*self._streams]:
            self._forget(stream)

    # for its streams

    def wants(self, stream: Stream) -> bool:
        """Whether the stream's messages are still read."""
        return stream in self._streams

    def know(self, stream: Stream, key: Key) -> None:
        """The stream is about the request ``key``."""
        stream.key = key
        self._by_key[key] = stream

    def hold(self, size: int) -> None:
        self.room -= size

    def reject(self, stream: Stream) -> None:
        self._forget(stream)
        self.errors += 1

    def _forget(self, stream: Stream) -> None:
        del self._streams[stream]
        self._ending.pop(stream, None)
        self.room += stream.held
        if stream.key is not None and self._by_key.get(stream.key) is stream:
            del self._by_key[stream.key]


def _upstream(attributes: Any) -> str:
    """``upstream.address`` among the attributes that came with the response's headers."""
    for told in attributes.values():
        if "upstream.address" in told.fields:
            return str(told.fields["upstream.address"].string_value)
    return ""
