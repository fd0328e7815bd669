"""Envoy's properties: what ``proxy_get_property`` finds about the request at hand.

A value is there while its source is: ``request.path`` only as long as the request headers can be
read. Texts are raw bytes, numbers 8 bytes little endian, times nanoseconds, maps serialised pairs.
Source: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes and
envoy, source/extensions/filters/common/expr/context.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from wasm_filters.abi import MapType
from wasm_filters.context import Context
from wasm_filters.header_map import HeaderMap
from wasm_filters.pairs import encode_pairs

# families that a path of one segment names; Envoy can't serialise them
WRAPPERS = frozenset(
    (name,)
    for name in (
        "", "request", "response", "connection", "upstream", "source", "destination", "metadata",
        "filter_state", "upstream_filter_state", "xds",
    )
)  # fmt: skip
FAMILIES = frozenset({"request", "response"})  # of a stream: set_property never shows through
# what Envoy may know and this host does not
ELSEWHERE = frozenset(
    {"connection", "connection_id", "upstream", "source", "destination", "metadata"}
    | {"filter_state", "upstream_filter_state", "xds"}
)
_FROM_HEADERS = {
    "path": b":path",
    "host": b":authority",
    "scheme": b":scheme",
    "method": b":method",
    "referer": b"referer",
    "useragent": b"user-agent",
    "id": b"x-request-id",
}


_GRPC_STATUS = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_GRPC_UNKNOWN = 2


def grpc_status(code: int) -> int:
    """The gRPC status that stands for an HTTP one.

    https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
    """
    return _GRPC_STATUS.get(code, _GRPC_UNKNOWN)


def _number(value: int) -> bytes:
    return struct.pack("<q", value)


class StreamProperties:
    """The properties of one request, while it runs.

    ``code`` and ``details`` are those of the response, once there is one; ``received`` and ``sent``
    count the bytes of body that came in from the client and went out to it.
    """

    def __init__(self, context: Context, clock: Callable[[], int]) -> None:
        self._context = context
        self._clock = clock
        self._started = clock()
        self._ended: int | None = None
        self.code: int | None = None
        self.received = 0
        self.sent = 0
        self.details = ""

    def end(self) -> None:
        """The exchange is over: from now on it has a duration."""
        self._ended = self._clock()

    def get(self, path: tuple[str, ...]) -> bytes | None:
        if len(path) < 2:
            return None
        if path[0] == "request":
            return self._request(path[1:])
        return self._response(path[1:]) if path[0] == "response" else None

    def _request(self, path: tuple[str, ...]) -> bytes | None:
        name = path[0]
        fields = self._context.readable(MapType.REQUEST_HEADERS)
        if name == "headers":
            return _field(fields, path)
        fact = {
            "time": lambda: _number(self._started),
            "protocol": lambda: b"HTTP/1.1",
            "size": lambda: _number(self._request_size(fields)),
            "total_size": lambda: _number(self.received + _bytes(fields)),
            "duration": self._duration,
        }.get(name)
        if fact is not None:
            return fact()
        return _from_header(name, fields) if fields is not None else None

    def _duration(self) -> bytes | None:
        return _number(self._ended - self._started) if self._ended is not None else None

    def _request_size(self, fields: HeaderMap | None) -> int:
        length = fields.get(b"content-length") if fields is not None else None
        return int(length) if length is not None and length.isdigit() else self.received

    def _response(self, path: tuple[str, ...]) -> bytes | None:
        name = path[0]
        headers = self._context.readable(MapType.RESPONSE_HEADERS)
        trailers = self._context.readable(MapType.RESPONSE_TRAILERS)
        if name in ("headers", "trailers"):
            return _field(headers if name == "headers" else trailers, path)
        if name == "size":
            return _number(self.sent)
        if name == "total_size":
            return _number(self.sent + _bytes(headers) + _bytes(trailers))
        if name == "flags":
            return _number(0)
        if name == "code_details":
            return self.details.encode() or None
        if self.code is None:
            return None
        numbers = {"code": self.code, "grpc_status": grpc_status(self.code)}
        return _number(numbers[name]) if name in numbers else None


def _bytes(fields: HeaderMap | None) -> int:
    return fields.byte_size if fields is not None else 0


def _from_header(name: str, fields: HeaderMap) -> bytes | None:
    if name in ("url_path", "query"):
        before, _, after = (fields.get(b":path") or b"").partition(b"?")
        return before if name == "url_path" else after.partition(b"#")[0]
    header = _FROM_HEADERS.get(name)
    return fields.get(header) if header else None


def _field(fields: HeaderMap | None, path: tuple[str, ...]) -> bytes | None:
    if len(path) == 1:
        return encode_pairs(fields.pairs if fields is not None else [])
    return fields.get(".".join(path[1:]).encode()) if fields is not None else None
