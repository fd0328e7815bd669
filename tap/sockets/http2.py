"""The door to hyperframe and hpack: both sides of an HTTP/2 connection, by somebody who looks on.

h2 itself is for who takes part: it wants settings acknowledged, windows opened, and streams to be
answered. Who looks on needs frames, header blocks and which stream ended (RFC 9113).

Rule 1: a header block is decoded also where nobody wants it: it changes the table of the next one.
Rule 2: a stream is over when both sides ended it, when one reset it, or when too many are open.
Rule 3: bytes that are missing inside a DATA frame are no harm; anywhere else they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import hpack
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PushPromiseFrame,
    RstStreamFrame,
)

from mesh_traffic import Headers
from tap.sockets.spoken import MAX_HEAD, MAX_WAITING, Broken, OutOfStep, Said, Spoken

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_FRAME = 1 << 20  # bytes; 16 KiB unless a side asked for more
MAX_TABLE = 64 * 1024  # bytes of HPACK's table that a side may ask for
_HEADER = 9
_REASONS = (  # RFC 9113, section 7
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)


@dataclass(slots=True)
class _Side:
    """One side's bytes that are no frame yet, its header table, and a block that goes on."""

    asking: bool
    decoder: hpack.Decoder
    rest: bytearray = field(default_factory=bytearray)
    preface: bytes = b""
    block: bytearray = field(default_factory=bytearray)
    opened: HeadersFrame | PushPromiseFrame | None = None  # whose block it is
    missed: set[int] = field(default_factory=set)  # streams whose next DATA frame has a gap

    def frames(self) -> Iterator[Frame]:
        while self._skip_preface() and len(self.rest) >= _HEADER:
            size = int.from_bytes(self.rest[:3])
            if size > MAX_FRAME:
                raise Broken(f"a frame of {size} bytes", bytes(self.rest))
            if len(self.rest) < _HEADER + size:
                return
            frame, _ = Frame.parse_frame_header(memoryview(bytes(self.rest[:_HEADER])))
            frame.parse_body(memoryview(bytes(self.rest[_HEADER : _HEADER + size])))
            del self.rest[: _HEADER + size]
            yield frame

    def _skip_preface(self) -> bool:
        if self.preface and len(self.rest) >= len(self.preface):
            if not self.rest.startswith(self.preface):
                raise Broken("no preface", bytes(self.rest))
            del self.rest[: len(self.preface)]
            self.preface = b""
        return not self.preface

    def miss(self, size: int) -> None:
        """Fill what is missing of the DATA frame that is under way."""
        length = int.from_bytes(self.rest[:3])
        frame_left = _HEADER + length - len(self.rest)
        if len(self.rest) < _HEADER or self.rest[3] != DataFrame.type or size > frame_left:
            raise OutOfStep
        self.missed.add(int.from_bytes(self.rest[5:9]))
        self.rest += bytes(size)


def _side(asking: bool) -> _Side:
    decoder = hpack.Decoder(max_header_list_size=MAX_HEAD)
    decoder.max_allowed_table_size = MAX_TABLE
    return _Side(asking, decoder, preface=PREFACE if asking else b"")


class Http2:
    """The streams of one connection. ``lost``: given out before their end."""

    unread = b""

    def __init__(self, keep: int) -> None:
        self.lost = 0
        self._keep = keep
        self._sides = {asking: _side(asking) for asking in (True, False)}
        self._streams: dict[int, Spoken] = {}
        self._done: list[Spoken] = []

    @property
    def held(self) -> int:
        waiting = sum(len(side.rest) + len(side.block) for side in self._sides.values())
        return waiting + sum(spoken.held for spoken in self._streams.values())

    def receive(self, asking: bool, data: bytes, at: float) -> list[Spoken]:
        side = self._sides[asking]
        side.rest += data
        try:
            for frame in side.frames():
                self._done += self._take(side, frame, at)
        except (HyperframeError, hpack.HPACKError, UnicodeError) as error:
            raise Broken(f"{type(error).__name__}: {error}", data) from error
        done, self._done = self._done, []
        return done

    def miss(self, asking: bool, size: int, at: float) -> list[Spoken]:
        self._sides[asking].miss(size)
        return self.receive(asking, b"", at)

    def close(self, at: float, why: str) -> list[Spoken]:
        left = list(self._streams.values())
        self._streams.clear()
        for spoken in left:
            spoken.details = why
        return [*self._done, *left]

    def _take(self, side: _Side, frame: Frame, at: float) -> list[Spoken]:
        if side.opened is not None and not isinstance(frame, ContinuationFrame):
            raise Broken("a header block that does not go on", b"")
        if isinstance(frame, DataFrame):
            return self._data(side, frame, at)
        if isinstance(frame, HeadersFrame | PushPromiseFrame):
            side.opened, side.block = frame, bytearray(frame.data)
            return self._block(side, "END_HEADERS" in frame.flags, at)
        if isinstance(frame, ContinuationFrame):
            side.block += frame.data
            return self._block(side, "END_HEADERS" in frame.flags, at)
        if isinstance(frame, RstStreamFrame):
            return self._reset(side, frame, at)
        return []

    def _data(self, side: _Side, frame: DataFrame, at: float) -> list[Spoken]:
        spoken = self._streams.get(frame.stream_id)
        if spoken is None:
            return []
        said = spoken.request if side.asking else spoken.response
        if said is None:
            return []
        if frame.stream_id in side.missed:
            side.missed.discard(frame.stream_id)
            said.cut = True  # which of its bytes are missing is not told apart
        said.add(frame.data)
        return self._end(frame.stream_id, said, at) if "END_STREAM" in frame.flags else []

    def _block(self, side: _Side, is_whole: bool, at: float) -> list[Spoken]:
        opened = side.opened
        if len(side.block) > MAX_HEAD:
            raise Broken("a header block that is too long", b"")
        if opened is None or not is_whole:
            return []
        side.opened = None
        fields = Headers.of_bytes(side.decoder.decode(bytes(side.block), True))
        if isinstance(opened, PushPromiseFrame):
            return self._said(True, opened.promised_stream_id, fields, at, ends=True)
        return self._said(side.asking, opened.stream_id, fields, at, "END_STREAM" in opened.flags)

    def _said(
        self, asking: bool, number: int, fields: Headers, at: float, ends: bool
    ) -> list[Spoken]:
        done: list[Spoken] = []
        spoken = self._streams.get(number)
        if spoken is None:
            if ":method" not in fields and ":status" not in fields:
                return []  # trailers of a stream that was given out
            done = self._make_room()
            spoken = self._streams[number] = Spoken(None)
        said = spoken.request if asking else spoken.response
        if said is not None:
            said.trailers = fields
        elif not ends and (fields.get(":status") or "").startswith("1"):
            return done  # 100, 103: the response is still to come
        else:
            said = Said(fields, at, self._keep)
            if asking:
                spoken.request = said
            else:
                spoken.response = said
        return [*done, *(self._end(number, said, at) if ends else ())]

    def _make_room(self) -> list[Spoken]:
        if len(self._streams) < MAX_WAITING:
            return []
        self.lost += 1
        return [self._streams.pop(next(iter(self._streams)))]

    def _end(self, number: int, said: Said, at: float) -> list[Spoken]:
        said.end = at
        spoken = self._streams[number]
        ended = [
            one is not None and one.end is not None for one in (spoken.request, spoken.response)
        ]
        return [self._streams.pop(number)] if all(ended) else []

    def _reset(self, side: _Side, frame: RstStreamFrame, at: float) -> list[Spoken]:
        spoken = self._streams.pop(frame.stream_id, None)
        if spoken is None:
            return []
        code = frame.error_code
        reason = _REASONS[code] if code < len(_REASONS) else str(code)
        answered = spoken.response is not None and spoken.response.end is not None
        if not (answered and reason == "NO_ERROR"):  # that says: I need no more of your request
            spoken.details = f"reset by the {'client' if side.asking else 'server'}: {reason}"
        return [spoken]
