"""The two directions of an HTTP exchange in the ABI's names, and what a filter may answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from wasm_filters.abi import BufferType, MapType, StreamType
from wasm_filters.state.header_map import INLINE_REQUEST, INLINE_RESPONSE


@dataclass(frozen=True, slots=True)
class Direction:
    """The names of one direction, request or response."""

    stream: StreamType
    headers: MapType
    trailers: MapType
    body: BufferType
    inline: frozenset[bytes]
    on_headers: str
    on_body: str
    on_trailers: str
    on_metadata: str


REQUEST = Direction(
    StreamType.REQUEST,
    MapType.REQUEST_HEADERS,
    MapType.REQUEST_TRAILERS,
    BufferType.REQUEST_BODY,
    INLINE_REQUEST,
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_request_metadata",
)
RESPONSE = Direction(
    StreamType.RESPONSE,
    MapType.RESPONSE_HEADERS,
    MapType.RESPONSE_TRAILERS,
    BufferType.RESPONSE_BODY,
    INLINE_RESPONSE,
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_response_metadata",
)


class Iteration(IntEnum):
    """Whether what comes next goes on to the filters behind this one (Envoy, FilterManager)."""

    CONTINUE = 0
    STOP = 1  # this part; the next one is still shown to the filter
    STOP_ALL_AND_BUFFER = 2  # nothing more is shown; too much of it is an error
    STOP_ALL_AND_WATERMARK = 3  # nothing more is shown; the sender waits when there is too much
