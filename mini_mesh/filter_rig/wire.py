"""HTTP/1.1 as it crosses the wire: bytes in, messages out, nothing tidied up.

No I/O. Framing follows RFC 9112, section 6.3. Names keep the case, fields the order and values the
bytes with which they came; only the space around a value is taken away, as section 5.1 has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from mesh_traffic import Body, Headers, Request, Response

_CODEC = ("utf-8", "surrogateescape")  # the one that Headers has
PIECE = 16 * 1024  # bytes; a larger write may reach Envoy in two reads, cut anywhere
_END = b"\r\n"
_CHUNKED = "chunked"


class WireError(Exception):
    """What came is no HTTP/1.1."""


@dataclass(slots=True)
class Message:
    """A message as it came, as far as it has come.

    ``start`` is the request line or the status line. ``whole`` says that nothing is missing.
    """

    start: str
    headers: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    whole: bool = False

    @property
    def status(self) -> int:
        """Of a response; 0 if there is none in its status line."""
        words = self.start.split(" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    @property
    def request(self) -> Request:
        """The message as a request: ``host`` becomes its authority."""
        method, _, target = self.start.partition(" ")
        return Request(
            method,
            target.rpartition(" ")[0],
            self.headers.get("host", "") or "",
            headers=self.headers.removed("host"),
            body=Body(self.body),
            trailers=self.trailers,
        )

    @property
    def response(self) -> Response:
        return Response(self.status, self.headers, Body(self.body), self.trailers)


class _Part(Enum):
    HEAD = "head"
    LENGTH = "length"  # a body of known length
    SIZE = "size"  # the line before a chunk
    CHUNK = "chunk"
    AFTER_CHUNK = "after chunk"
    TRAILERS = "trailers"
    TO_THE_END = "to the end"  # a response that lasts until the connection ends


class Reader:
    """One direction of a connection. Feed it what comes; ``messages`` grow as it does.

    ``methods`` names the methods of the requests that are answered here, for a reader of responses:
    an answer to HEAD has no body. Empty for a reader of requests. Interim responses (1xx, but for
    101) are not kept.
    """

    def __init__(self, methods: Iterable[str] = ()) -> None:
        self.messages: list[Message] = []
        self._methods = list(methods)
        self._answers = bool(self._methods)
        self._data = bytearray()
        self._part = _Part.HEAD
        self._left = 0

    def feed(self, data: bytes) -> None:
        """Take ``data`` in. Raises WireError where it is no HTTP/1.1."""
        self._data += data
        while self._step():
            continue

    def finish(self) -> None:
        """The connection has ended, which ends a response without length."""
        if self._part is _Part.TO_THE_END:
            self._complete()

    def _step(self) -> bool:
        """Read one part, if it has come."""
        if self._part is _Part.HEAD:
            return self._head()
        if self._part in (_Part.LENGTH, _Part.CHUNK, _Part.TO_THE_END):
            return self._some_body()
        if self._part is _Part.TRAILERS:
            return self._trailers()
        return self._chunk_line()

    def _head(self) -> bool:
        end = self._data.find(_END + _END)
        if end < 0:
            return False
        start, *lines = self._take(end + 4)[:-4].decode(*_CODEC).split("\r\n")
        message = Message(start, Headers.of(_field(line) for line in lines))
        if self._answers and message.status // 100 == 1 and message.status != 101:
            return True
        self.messages.append(message)
        self._begin(message)
        return True

    def _begin(self, message: Message) -> None:
        """How the body ends, by the rules of RFC 9112, section 6.3, in their order."""
        length = message.headers.get("content-length")
        if self._answers and self._has_no_body(message.status):
            self._complete()
        elif (message.headers.get("transfer-encoding") or "").lower() == _CHUNKED:
            self._part = _Part.SIZE
        elif length is not None:
            self._part, self._left = _Part.LENGTH, _number(length, 10)
            if not self._left:
                self._complete()
        elif self._answers:
            self._part = _Part.TO_THE_END
        else:
            self._complete()

    def _has_no_body(self, status: int) -> bool:
        if not self._methods:
            raise WireError(f"an answer that nobody asked for: status {status}")
        return self._methods.pop(0) == "HEAD" or status in (204, 304)

    def _complete(self) -> None:
        self.messages[-1].whole = True
        self._part = _Part.HEAD

    def _some_body(self) -> bool:
        wanted = len(self._data) if self._part is _Part.TO_THE_END else self._left
        data = self._take(min(wanted, len(self._data)))
        self.messages[-1].body += data
        self._left -= len(data)
        if self._part is _Part.TO_THE_END or self._left:
            return False
        if self._part is _Part.LENGTH:
            self._complete()
        else:
            self._part = _Part.AFTER_CHUNK
        return True

    def _chunk_line(self) -> bool:
        end = self._data.find(_END)
        if end < 0:
            return False
        line = self._take(end + 2)[:-2].decode(*_CODEC)
        if self._part is _Part.AFTER_CHUNK:
            self._part = _Part.SIZE
            return True
        self._left = _number(line.partition(";")[0], 16)
        self._part = _Part.CHUNK if self._left else _Part.TRAILERS
        return True

    def _trailers(self) -> bool:
        if self._data[:2] == _END:
            self._take(2)
        else:
            end = self._data.find(_END + _END)
            if end < 0:
                return False
            lines = self._take(end + 4)[:-4].decode(*_CODEC).split("\r\n")
            self.messages[-1].trailers = Headers.of(_field(line) for line in lines)
        self._complete()
        return True

    def _take(self, size: int) -> bytes:
        data = bytes(self._data[:size])
        del self._data[:size]
        return data


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name:
        raise WireError(f"expected name:value, got {line!r}")
    return name, value.strip(" \t")


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        raise WireError(f"expected a number, got {text!r}") from error


def head(start: str, headers: Headers) -> bytes:
    """The bytes of a message's head, exactly these fields."""
    fields = (name + b": " + value + _END for name, value in headers.to_bytes())
    return start.encode(*_CODEC) + _END + b"".join(fields) + _END


def cut(data: bytes, size: int = PIECE) -> list[bytes]:
    """``data`` in pieces of ``size`` bytes, the last one shorter; none for no data."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def body(headers: Headers, chunks: Iterable[bytes], trailers: Headers) -> list[bytes]:
    """The pieces of a body, in ``chunks`` as they are to arrive, framed as ``headers`` say.

    The end and the trailers go with the last chunk, as the end of a known length does.
    """
    pieces = [chunk for chunk in chunks if chunk]
    if (headers.get("transfer-encoding") or "").lower() != _CHUNKED:
        return pieces
    end = b"0\r\n" + b"".join(n + b": " + v + _END for n, v in trailers.to_bytes()) + _END
    framed = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return [*framed[:-1], framed[-1] + end] if framed else [end]
