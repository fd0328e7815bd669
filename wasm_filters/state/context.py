"""Contexts: what a hostcall can see and change, which depends on whose callback is running.

A plugin has one root context; each request or connection gets a stream context of its own. Header
maps and buffers are put in when their phase begins and taken out when it ends, so "not available
now" is simply "not there" (measured on Envoy 1.40: tests/wasm_filters/test_fidelity.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from wasm_filters.abi import MapType, StreamType
from wasm_filters.config import PluginConfig
from wasm_filters.foreign.data import ForeignData
from wasm_filters.properties.stream import RootProperties
from wasm_filters.properties.surroundings import Surroundings
from wasm_filters.properties.values import Value
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.header_map import HeaderMap, Pair

NO_REQUEST = RootProperties()


class PropertySource(Protocol):
    """What a context may ask for, by the path that ``proxy_get_property`` is given."""

    @property
    def surroundings(self) -> Surroundings: ...

    def find(self, path: bytes, /) -> Value: ...


@dataclass(frozen=True, slots=True)
class LocalReply:
    """What ``proxy_send_local_response`` asked for; ``grpc_status`` is None without one."""

    status: int
    details: str = ""
    body: bytes = b""
    headers: tuple[Pair, ...] = ()
    grpc_status: int | None = None


class Fields(Protocol):
    """Header maps by their type."""

    def get(self, map_type: int, /) -> HeaderMap | None: ...


class Stream(Protocol):
    """The request or connection that a stream context belongs to."""

    def resume(self, stream: StreamType, /) -> None: ...

    def close(self, stream: StreamType, /) -> None: ...

    def reply(self, reply: LocalReply, /) -> None: ...


@dataclass(slots=True, eq=False)
class Context:
    """One context of the ABI; a root context is its own ``root``.

    ``maps`` can be read and changed; ``logged`` can only be read (in ``proxy_on_log``), and
    replaces them. ``trailers`` names the trailers that may be created now. ``foreign`` is what
    foreign functions keep with it; ``ending`` is what ``proxy_done`` does while it is waited for.
    Of a root context, ``maps`` and ``buffers`` also hold the answer to the callout that is
    being delivered, and ``status`` how it ended.
    """

    id: int
    config: PluginConfig
    parent: Context | None = None
    stream: Stream | None = None
    properties: PropertySource = NO_REQUEST
    created: bool = False
    logged: Fields | None = None
    trailers: MapType | None = None
    status: tuple[int, bytes] = (0, b"")
    ending: Callable[[], object] | None = None
    maps: dict[int, HeaderMap] = field(default_factory=dict)
    buffers: dict[int, Buffer] = field(default_factory=dict)
    foreign: ForeignData | None = None

    @property
    def root(self) -> Context:
        return self if self.parent is None else self.parent

    @property
    def is_root(self) -> bool:
        return self.parent is None

    def readable(self, map_type: int) -> HeaderMap | None:
        if map_type > MapType.RESPONSE_TRAILERS:
            return self.root.maps.get(map_type)
        return (self.maps if self.logged is None else self.logged).get(map_type)

    def writable(self, map_type: int) -> HeaderMap | None:
        """The map, made first if these are trailers that may be created now."""
        if map_type > MapType.RESPONSE_TRAILERS:
            return None  # the answer to a callout can only be read
        found = self.maps.get(map_type)
        if found is None and self.trailers is not None and map_type == self.trailers:
            found = self.maps[map_type] = HeaderMap()
        return found
