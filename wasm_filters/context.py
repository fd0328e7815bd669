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
from wasm_filters.buffer import Buffer
from wasm_filters.config import PluginConfig
from wasm_filters.header_map import HeaderMap, Pair


class PropertySource(Protocol):
    """Answers properties by the segments of their path."""

    def get(self, path: tuple[str, ...], /) -> bytes | None: ...


class NoProperties:
    """What a root context knows of a request."""

    def get(self, path: tuple[str, ...], /) -> bytes | None:
        return None


NO_PROPERTIES = NoProperties()
MAX_STATE = 10_000  # properties that a filter may set on one stream
MAX_STATE_BYTES = 64 << 20  # of all of them


class State(dict[bytes, bytes]):
    """What a filter itself set as properties of its stream."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0

    def put(self, name: bytes, value: bytes) -> bool:
        """Whether there was room for it."""
        old = self.get(name)
        grows = len(value) - len(old) if old is not None else len(name) + len(value)
        if self._bytes + grows > MAX_STATE_BYTES or (old is None and len(self) >= MAX_STATE):
            return False
        self._bytes += grows
        self[name] = value
        return True


@dataclass(frozen=True, slots=True)
class LocalReply:
    """What ``proxy_send_local_response`` asked for; ``grpc_status`` is None without one."""

    status: int
    details: str = ""
    body: bytes = b""
    headers: tuple[Pair, ...] = ()
    grpc_status: int | None = None


class Stream(Protocol):
    """The request or connection that a stream context belongs to."""

    def resume(self, stream: StreamType, /) -> None: ...

    def close(self, stream: StreamType, /) -> None: ...

    def reply(self, reply: LocalReply, /) -> None: ...


@dataclass(slots=True, eq=False)
class Context:
    """One context of the ABI; a root context is its own ``root``.

    ``maps`` can be read and changed; ``logged`` can only be read (in ``proxy_on_log``), and
    replaces them. ``trailers`` names the trailers that may be created now. ``state`` holds what
    the filter itself set as properties; ``ending`` is what ``proxy_done`` does while it is waited
    for. Of a root context, ``maps`` and ``buffers`` also hold the answer to the callout that is
    being delivered, and ``status`` how it ended.
    """

    id: int
    config: PluginConfig
    parent: Context | None = None
    stream: Stream | None = None
    properties: PropertySource = NO_PROPERTIES
    created: bool = False
    logged: dict[int, HeaderMap] | None = None
    trailers: MapType | None = None
    status: tuple[int, bytes] = (0, b"")
    ending: Callable[[], object] | None = None
    maps: dict[int, HeaderMap] = field(default_factory=dict)
    buffers: dict[int, Buffer] = field(default_factory=dict)
    state: State = field(default_factory=State)

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
