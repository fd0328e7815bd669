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


def _number(value: int) -> bytes:
    return struct.pack("<q", value)


class StreamProperties:
    """The properties of one request. ``code`` is the response's status once it was sent."""

    def __init__(self, context: Context, started: int, protocol: str = "HTTP/1.1") -> None:
        self._context = context
        self._started = started
        self._protocol = protocol
        self.code: int | None = None

    def get(self, path: tuple[str, ...]) -> bytes | None:
        if len(path) < 2:
            return None
        family: dict[str, Callable[[tuple[str, ...]], bytes | None]] = {
            "request": self._request,
            "response": self._response,
        }
        find = family.get(path[0])
        return find(path[1:]) if find else None

    def _request(self, path: tuple[str, ...]) -> bytes | None:
        name = path[0]
        if name == "time":
            return _number(self._started)
        if name == "protocol":
            return self._protocol.encode()
        fields = self._context.readable(MapType.REQUEST_HEADERS)
        if name == "headers":
            return _field(fields, path)
        if fields is None:
            return None
        if name in ("url_path", "query"):
            before, _, after = (fields.get(b":path") or b"").partition(b"?")
            return before if name == "url_path" else after.partition(b"#")[0]
        header = _FROM_HEADERS.get(name)
        return fields.get(header) if header else None

    def _response(self, path: tuple[str, ...]) -> bytes | None:
        name = path[0]
        if name == "code":
            return _number(self.code) if self.code is not None else None
        if name == "flags":
            return _number(0)
        if name in ("headers", "trailers"):
            kind = MapType.RESPONSE_HEADERS if name == "headers" else MapType.RESPONSE_TRAILERS
            return _field(self._context.readable(kind), path)
        return None


def _field(fields: HeaderMap | None, path: tuple[str, ...]) -> bytes | None:
    if len(path) == 1:
        return encode_pairs(fields.pairs if fields is not None else [])
    return fields.get(".".join(path[1:]).encode()) if fields is not None else None
