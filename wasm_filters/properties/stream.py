"""Finding an attribute by its path: the segments of ``proxy_get_property``, joined by NULs.

Rule 1: what a user gave by its dotted path answers first. Rule 2: then Envoy's attributes. Rule 3:
a path goes on into headers, maps, lists and messages, one segment each. Rule 4: one NUL at the end
counts for nothing. Source: envoy, source/extensions/common/wasm/context.cc (getProperty).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wasm_filters.abi import MapType
from wasm_filters.properties.attributes import ATTRIBUTES, FAMILIES
from wasm_filters.properties.filter_state import FilterState
from wasm_filters.properties.stream_info import StreamInfo
from wasm_filters.properties.surroundings import PLAIN, Surroundings
from wasm_filters.properties.values import FAMILY, Value, member

if TYPE_CHECKING:
    from wasm_filters.state.context import Context

_REQUEST_HEADER = b"request\0headers\0"


class StreamProperties:
    """The attributes of one request, as one filter in its way sees them now.

    ``info`` is what all filters of the request share; without it this filter is alone.
    """

    __slots__ = ("_overrides", "context", "info", "surroundings")
    context: Context
    info: StreamInfo
    surroundings: Surroundings

    def __init__(
        self,
        context: Context,
        clock: Callable[[], int],
        info: StreamInfo | None = None,
        *,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.context = context
        self.info = StreamInfo.begin(clock) if info is None else info
        self.surroundings = surroundings or PLAIN
        self._overrides = self.surroundings.overrides

    @property
    def filter_state(self) -> FilterState:
        return self.info.filter_state

    def find(self, path: bytes) -> Value:
        """The value at ``path``; None if there is none now."""
        if not self._overrides:
            attribute = ATTRIBUTES.get(path)
            if attribute is not None:
                return attribute(self)
            if path.startswith(_REQUEST_HEADER):
                return self._header(path[len(_REQUEST_HEADER) :].removesuffix(b"\0"))
            return self._walk(path.removesuffix(b"\0").split(b"\0"))
        segments = path.removesuffix(b"\0").split(b"\0")
        value = overridden(self._overrides, segments)
        return self._walk(segments) if value is None else value

    def _header(self, name: bytes) -> Value:
        """What filters ask for most; a name with a NUL is none of a header."""
        fields = self.context.readable(MapType.REQUEST_HEADERS)
        return fields.joined(name) if fields is not None else None

    def _walk(self, segments: list[bytes]) -> Value:
        family = segments[0]
        if family not in FAMILIES:
            return None
        if family == b"filter_state":
            return self._from_state(segments[1:])
        value = self.attribute(family)
        rest = segments[1:]
        if value is FAMILY and rest:
            value, rest = self.attribute(b"\0".join(segments[:2])), rest[1:]
        return descend(value, rest)

    def attribute(self, path: bytes) -> Value:
        attribute = ATTRIBUTES.get(path)
        return attribute(self) if attribute is not None else None

    def _from_state(self, segments: list[bytes]) -> Value:
        """An object of the filter state; NotReadable if this host can't look into it."""
        if not segments:
            return FAMILY
        stored = self.filter_state.get(segments[0])
        return descend(stored.value(whole=False), segments[1:]) if stored is not None else None

    def own(self, segments: list[bytes], whole: bool) -> Value:
        """What a filter set as a property under the first segment's name; see ``_from_state``."""
        stored = self.filter_state.get(b"wasm." + segments[0])
        if stored is None:
            return None
        return descend(stored.value(whole and len(segments) == 1), segments[1:])


class RootProperties:
    """What a root context knows: the node, and what a user gave."""

    __slots__ = ("surroundings",)

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        self.surroundings = surroundings or PLAIN

    def find(self, path: bytes) -> Value:
        segments = path.removesuffix(b"\0").split(b"\0")
        value = overridden(self.surroundings.overrides, segments)
        if value is not None:
            return value
        if segments == [b"xds"]:
            return FAMILY
        if segments[:2] == [b"xds", b"node"]:
            return descend(self.surroundings.message("node"), segments[2:])
        return None


def descend(value: Value, segments: list[bytes]) -> Value:
    for segment in segments:
        value = member(value, segment)
    return value


def overridden(overrides: dict[bytes, Value], segments: list[bytes]) -> Value:
    """What a user gave at the path, or at the nearest path above it."""
    for end in range(len(segments), 0, -1) if overrides else ():
        value = overrides.get(b".".join(segments[:end]))
        if value is not None:
            return descend(value, segments[end:])
    return None
