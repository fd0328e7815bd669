"""The door to h11: both sides of an HTTP/1.1 connection, read by somebody who only looks on.

Rule 1: each message has a reader of its own. h11 goes on to the next one only with somebody who
        answers, and nobody does here; what it read too much is the beginning of the next one.
Rule 2: how long a response is depends on its request (RFC 9112, section 6.3), so its reader is told
        of that.
Rule 3: after an upgrade or a CONNECT that was accepted, all bytes are the bodies of that one.
Rule 4: where a head leaves no doubt (``head``), h11 is not asked: its reader costs several times
        as much.
Rule 5: bytes that are missing inside a body of known length are no harm; anywhere else they are.
"""

from __future__ import annotations

import functools
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

import h11

from mesh_traffic import Headers
from tap.sockets.head import request_head, response_head
from tap.sockets.spoken import MAX_HEAD, MAX_MISSED, MAX_WAITING, Broken, OutOfStep, Said, Spoken

_FILLER = 1 << 16  # bytes at once in place of missing ones


@dataclass(slots=True)
class _Side:
    """Of one side, the message that it is in; ``head``: the bytes before it was one.

    A message without a reader has a body of known length.
    """

    reader: h11.Connection | None = None
    said: Said | None = None
    head: bytearray = field(default_factory=bytearray)
    began: float = 0.0
    left: int | None = None  # bytes of the body still to come, where that is known

    def clear(self) -> None:
        self.reader = self.said = self.left = None
        self.head.clear()

    def take(self, data: bytes, at: float) -> None:
        if self.said is None:
            self.began = self.began if self.head else at
            self.head += data
        assert self.reader is not None, "who reads has a reader"
        self.reader.receive_data(data)

    def begin(self, said: Said) -> None:
        self.said = said
        self.head.clear()
        length = said.fields.get("content-length", "") or ""
        self.left = int(length) if length.isdecimal() and len(length) < 19 else None

    def add(self, data: bytes) -> None:
        assert self.said is not None, "a body comes after its headers"
        self.said.add(data)
        if self.left is not None:
            self.left -= len(data)

    @property
    def is_between(self) -> bool:
        """No message is under way."""
        return self.reader is None and self.said is None

    def begin_plain(self, said: Said, length: int) -> None:
        self.said, self.left = said, length

    def add_plain(self, data: bytes, at: float) -> tuple[bytes, bool]:
        """What is left of the bytes after the body, and whether that is over."""
        assert self.said is not None, "a body comes after its headers"
        assert self.left is not None, "it has a known length"
        size = self.left
        self.add(data[:size])
        if self.left:
            return b"", False
        self.said.end = at
        self.clear()
        return data[size:], True

    def end(self, event: h11.EndOfMessage, at: float) -> bytes:
        """The message is over; the bytes after it."""
        assert self.said is not None, "an end comes after its headers"
        assert self.reader is not None, "who reads has a reader"
        self.said.end, self.said.trailers = at, Headers.of_bytes(list(event.headers))
        rest = self.reader.trailing_data[0]
        self.clear()
        return rest


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that has no response yet; ``request`` is h11's, where it was asked."""

    spoken: Spoken
    method: bytes
    request: h11.Request | None = None


class Http1:
    """Requests and responses of one connection, in their order."""

    lost = 0

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._asks, self._answers = _Side(), _Side()
        self._waiting: deque[_Waiting] = deque()
        self._may_switch = False  # after a request that asks for it, until it is answered
        self._early = bytearray()  # what the client said in that time
        self._switched: Spoken | None = None
        self._done: list[Spoken] = []

    @property
    def held(self) -> int:
        waiting = sum(one.spoken.held for one in self._waiting)
        switched = self._switched.held if self._switched else 0
        return waiting + switched + len(self._early) + len(self.unread)

    @property
    def unread(self) -> bytes:
        """The beginning of a request that has not come to its end."""
        return bytes(self._asks.head)

    def receive(self, asking: bool, data: bytes, at: float) -> list[Spoken]:
        try:
            if self._switched is not None:
                _said(self._switched, asking).add(data)
            elif asking:
                self._ask(data, at)
            else:
                self._answer(data, at)
        except h11.ProtocolError as error:
            side = self._asks if asking else self._answers
            raise Broken(str(error), bytes(side.head) or data) from error
        return self._take()

    def _take(self) -> list[Spoken]:
        done, self._done = self._done, []
        return done

    def miss(self, asking: bool, size: int, at: float) -> list[Spoken]:
        if self._switched is not None:
            _said(self._switched, asking).miss(size)
            return []
        side, done = self._asks if asking else self._answers, []
        if side.said is None or side.left is None or side.left < size or size > MAX_MISSED:
            raise OutOfStep
        side.said.cut = True
        for start in range(0, size, _FILLER):
            done += self.receive(asking, bytes(min(_FILLER, size - start)), at)
        return done

    def close(self, at: float, why: str) -> list[Spoken]:
        if self._answers.said is not None and self._answers.reader is not None:
            with suppress(h11.ProtocolError):
                self._answers.reader.receive_data(b"")  # it may have been the end of a response
                self._read_answer(self._answers.reader, at)
        done = self._take()
        for one in self._waiting:
            one.spoken.details = why
            done.append(one.spoken)
        self._waiting.clear()
        if self._switched is not None:
            for said in (self._switched.request, self._switched.response):
                if said is not None:
                    said.end = at
            done.append(self._switched)
        return done

    def _ask(self, data: bytes, at: float) -> None:
        while data:
            if self._may_switch:
                self._early += data
                if len(self._early) > MAX_HEAD:
                    raise Broken("too much said before a switch of protocols", data)
                return
            side = self._asks
            if side.is_between and (head := request_head(data)) is not None:
                said = Said(head.fields, at, self._keep)
                self._await(_Waiting(Spoken(said), head.method))
                side.begin_plain(said, head.length)
                data, _ = side.add_plain(data[head.size :], at)
            elif side.reader is None and side.said is not None:
                data, _ = side.add_plain(data, at)
            else:
                reader = side.reader = side.reader or h11.Connection(
                    h11.SERVER, max_incomplete_event_size=MAX_HEAD
                )
                side.take(data, at)
                data = self._read_ask(side, reader, at)

    def _read_ask(self, side: _Side, reader: h11.Connection, at: float) -> bytes:
        """What is left of it after the end of a request."""
        while True:
            event = reader.next_event()
            if isinstance(event, h11.Request):
                self._asked(event)
            elif isinstance(event, h11.Data):
                side.add(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return side.end(event, at)
            else:
                return b""

    def _asked(self, event: h11.Request) -> None:
        pseudo = [(b":method", event.method), (b":path", event.target)]
        named = [(b":authority" if name == b"host" else name, v) for name, v in event.headers]
        said = Said(Headers.of_bytes([*pseudo, *named]), self._asks.began, self._keep)
        self._await(_Waiting(Spoken(said), event.method, event))
        self._asks.begin(said)
        self._may_switch = event.method == b"CONNECT" or "upgrade" in said.fields

    def _await(self, request: _Waiting) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise Broken("too many requests without a response", bytes(self._asks.head))
        self._waiting.append(request)

    def _answer(self, data: bytes, at: float) -> None:
        while data:
            if self._switched is not None:
                _said(self._switched, False).add(data)
                break
            side = self._answers
            if not self._waiting:  # such as Envoy's 408 to a client that says nothing
                self._waiting.append(_Waiting(Spoken(None), b""))
            first = self._waiting[0]
            if side.is_between and (head := response_head(data, first.method)) is not None:
                first.spoken.response = Said(head.fields, at, self._keep)
                side.begin_plain(first.spoken.response, head.length)
                data = self._add_answer(data[head.size :], at)
            elif side.reader is None and side.said is not None:
                data = self._add_answer(data, at)
            else:
                reader = side.reader = side.reader or self._response_reader(first)
                side.take(data, at)
                data = self._read_answer(reader, at)

    def _add_answer(self, data: bytes, at: float) -> bytes:
        rest, is_over = self._answers.add_plain(data, at)
        if is_over:
            self._answered(at)
        return rest

    def _answered(self, at: float) -> None:
        self._done.append(self._waiting.popleft().spoken)
        self._go_on(at)

    def _response_reader(self, first: _Waiting) -> h11.Connection:
        reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        if not self._may_switch or first.request is None or len(self._waiting) > 1:
            if first.method:
                reader.send(_request(first.method))
            return reader
        reader.send(first.request)
        with suppress(h11.LocalProtocolError):  # it has a body: then h11 knows no switch
            reader.send(h11.EndOfMessage())
        return reader

    def _read_answer(self, reader: h11.Connection, at: float) -> bytes:
        """What is left of it after the end of a response."""
        side = self._answers
        while True:
            event = reader.next_event()
            if isinstance(event, h11.Response | h11.InformationalResponse):
                switched = reader.their_state is h11.SWITCHED_PROTOCOL
                if switched or isinstance(event, h11.Response):
                    self._begin_answer(event)
                if switched:
                    return self._switch(reader)
            elif isinstance(event, h11.Data):
                side.add(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                rest = side.end(event, at)
                self._answered(at)
                return rest
            else:
                return b""

    def _begin_answer(self, event: h11.Response | h11.InformationalResponse) -> None:
        status = (b":status", str(event.status_code).encode())
        said = Said(Headers.of_bytes([status, *event.headers]), self._answers.began, self._keep)
        self._answers.begin(said)
        self._waiting[0].spoken.response = said

    def _switch(self, reader: h11.Connection) -> bytes:
        self._switched = self._waiting.popleft().spoken
        self._may_switch = False
        _said(self._switched, True).add(bytes(self._early))
        self._early.clear()
        rest = reader.trailing_data[0]
        self._answers.clear()
        return rest

    def _go_on(self, at: float) -> None:
        """The last request did not become something else: what came after it is the next one."""
        if self._may_switch and not self._waiting:
            self._may_switch, early = False, bytes(self._early)
            self._early.clear()
            self._ask(early, at)


@functools.lru_cache(maxsize=16)
def _request(method: bytes) -> h11.Request:
    """All that a response's length depends on."""
    return h11.Request(method=method, target=b"/", headers=[(b"host", b"-")])


def _said(switched: Spoken, asking: bool) -> Said:
    said = switched.request if asking else switched.response
    assert said is not None, "who switched has said so"
    return said
