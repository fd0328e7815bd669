"""Contexts: what a hostcall can see and change, which depends on whose callback is running.

A plugin has one root context; each request gets a stream context of its own. Header maps and
buffers are put in when their phase begins and taken out when it ends, so "not available now" is
simply "not there" (measured on Envoy 1.40: tests/wasm_filters/test_fidelity.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from wasm_filters.abi import MapType, StreamType
from wasm_filters.buffer import Buffer
from wasm_filters.header_map import HeaderMap, Pair


class PropertySource(Protocol):
    """Answers properties by the segments of their path."""

    def get(self, path: tuple[str, ...], /) -> bytes | None: ...


class NoProperties:
    """What a root context knows of a request."""

    def get(self, path: tuple[str, ...], /) -> bytes | None:
        return None


@dataclass(frozen=True, slots=True)
class LocalReply:
    """What ``proxy_send_local_response`` asked for; ``grpc_status`` is None without one."""

    status: int
    details: str
    body: bytes
    headers: tuple[Pair, ...]
    grpc_status: int | None


@dataclass(slots=True)
class Context:
    """One context of the ABI. ``root`` is the id of its root context, its own for a root.

    ``maps`` can be read and changed; ``logged`` can only be read (in ``proxy_on_log``);
    ``trailers`` names the trailers that may be created now; ``state`` holds what the filter itself
    set as properties. ``received`` and ``sent`` count the body bytes of request and response.
    """

    id: int
    root: int
    maps: dict[int, HeaderMap] = field(default_factory=dict)
    logged: dict[int, HeaderMap] | None = None
    buffers: dict[int, Buffer] = field(default_factory=dict)
    trailers: MapType | None = None
    properties: PropertySource = field(default_factory=NoProperties)
    state: dict[bytes, bytes] = field(default_factory=dict)
    local_reply: LocalReply | None = None
    resumed: set[StreamType] = field(default_factory=set)
    closed: StreamType | None = None
    received: int = 0
    sent: int = 0

    @property
    def is_root(self) -> bool:
        return self.id == self.root

    def readable(self, map_type: int) -> HeaderMap | None:
        return (self.maps if self.logged is None else self.logged).get(map_type)

    def writable(self, map_type: int) -> HeaderMap | None:
        """The map, made first if these are trailers that may be created now."""
        found = self.maps.get(map_type)
        if found is None and self.trailers is not None and map_type == self.trailers:
            found = self.maps[map_type] = HeaderMap()
        return found
