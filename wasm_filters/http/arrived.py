"""Behind the last filter: what of a message came through, put together again."""

from __future__ import annotations

from collections.abc import Callable

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.http.way import Way
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.header_map import HeaderMap

_NO_HEADERS = Headers()
_NO_FIELDS = HeaderMap()
_NO_BODY = Body()


class Arrived:
    """A message as it came through. ``whole`` is called once, when all of it is there;
    ``counted`` with the size of each piece of the body; ``began`` when its headers are there."""

    __slots__ = (
        "_began", "_counted", "_request", "_whole", "body", "complete", "fields", "trailing",
    )  # fmt: skip

    def __init__(
        self,
        whole: Callable[[], None],
        counted: Callable[[int], None] = lambda size: None,
        began: Callable[[], None] = lambda: None,
    ) -> None:
        self._counted = counted
        self._began = began
        self.fields: HeaderMap | None = None
        self._request: Request | None = None
        self.body = bytearray()
        self.trailing: HeaderMap = _NO_FIELDS
        self.complete = False
        self._whole = whole

    def headers(self, way: Way, ends: bool) -> None:
        if self.fields is None:
            self.fields = way.headers
            self._began()
        if ends:
            self._complete()

    def data(self, way: Way, data: Buffer, ends: bool) -> None:
        self._counted(len(data))
        self.body += data.take()
        if ends:
            self._complete()

    def trailers(self, way: Way) -> None:
        if way.trailers is not None:
            self.trailing = way.trailers
        self._complete()

    def take(self, fields: HeaderMap, body: bytes) -> None:
        """A whole message from elsewhere, in place of what came so far."""
        self.fields, self.body, self.trailing = fields, bytearray(body), _NO_FIELDS
        self._complete()

    @property
    def is_there(self) -> bool:
        """All of it is there as the receiver sees it: it has ended, or is as long as it said."""
        if self.complete or self.fields is None or not self.body:
            return self.complete
        return self.fields.first(b"content-length") == b"%d" % len(self.body)

    def _complete(self) -> None:
        if not self.complete:
            self.complete = True
            self._whole()

    def request(self) -> Request:
        """The message as a request, as it was when it was first asked for."""
        if self._request is None:
            self._request = self._as_request()
        return self._request

    def _as_request(self) -> Request:
        fields = self.fields or _NO_FIELDS
        get = fields.first
        return Request(
            _text(get(b":method")),
            _text(get(b":path")),
            _text(get(b":authority")),
            _text(get(b":scheme")),
            _ordinary(fields),
            Body(bytes(self.body)) if self.body else _NO_BODY,
            _ordinary(self.trailing),
        )

    def response(self) -> Response:
        fields = self.fields or _NO_FIELDS
        status = _text(fields.first(b":status"))
        return Response(
            status=int(status) if status.isdigit() else 0,
            headers=_ordinary(fields),
            body=Body(bytes(self.body)) if self.body else _NO_BODY,
            trailers=_ordinary(self.trailing),
        )


def _ordinary(fields: HeaderMap) -> Headers:
    pairs = [pair for pair in fields.pairs if pair[0][:1] != b":"]
    return Headers.of_bytes(pairs) if pairs else _NO_HEADERS


def _text(value: bytes | None) -> str:
    if value is None:
        return ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8", "surrogateescape")
