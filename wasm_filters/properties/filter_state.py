"""Filter state: the named objects that filters leave with a request or a connection.

``proxy_set_property`` keeps its values here as ``wasm.`` and the name, each as its name was
declared (foreign function ``declare_property``), or else as bytes; ``set_envoy_filter_state`` adds
Envoy's own objects. All filters of a request share one. Keys are bytes, as the ABI has them.
Source: envoy, source/common/stream_info/filter_state_impl.cc and
source/extensions/filters/common/expr/cel_state.cc; compared in test_property_fidelity.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from wasm_filters.properties.values import Blob, Record, Value

MAX_OBJECTS = 10_000  # of one request and its connection
MAX_BYTES = 64 << 20  # that one request may set as properties
WASM_PREFIX = b"wasm."


class LifeSpan(IntEnum):
    """How long an object stays. A filter chain and a request end together here, as they do in
    Envoy without internal redirects."""

    FILTER_CHAIN = 0
    REQUEST = 1
    CONNECTION = 2


class StateType(IntEnum):
    """What a filter declares a property to be (``WasmType`` in declare_property.proto)."""

    BYTES = 0
    STRING = 1
    FLAT_BUFFERS = 2
    PROTOBUF = 3


@dataclass(frozen=True, slots=True)
class Prototype:
    """How a property was declared. ``schema`` is the type URL of a PROTOBUF."""

    readonly: bool = False
    type: StateType = StateType.BYTES
    schema: str = ""
    span: LifeSpan = LifeSpan.FILTER_CHAIN


UNDECLARED = Prototype()


class NotReadable(Exception):
    """The object is there, and this host can not read it as Envoy would. The message says why."""


@dataclass(slots=True)
class WasmState:
    """A property that a filter set."""

    prototype: Prototype
    data: bytes

    def value(self, whole: bool) -> Value:
        """``whole``: it is asked for by its name alone, and so never looked into.

        NotReadable: a FlatBuffer, or a message of Envoy's that is not known here.
        """
        kind = self.prototype.type
        if kind is StateType.STRING:
            return self.data
        if whole or kind is StateType.BYTES:
            return Blob(self.data)
        if kind is StateType.FLAT_BUFFERS:
            raise NotReadable("FlatBuffers are not supported here, but as a whole")
        return self._message()

    def _message(self) -> Value:
        from wasm_filters.messages import is_foreign, read  # protobuf takes 50 ms to import

        if is_foreign(self.prototype.schema):
            raise NotReadable(f"{self.prototype.schema} is not known here; Envoy may have it")
        return read(self.prototype.schema, self.data)


@dataclass(frozen=True, slots=True)
class EnvoyObject:
    """An object of Envoy's own: ``text`` is how it reads as a whole, None if it does not;
    ``fields`` can be asked for one by one, and then it does not read as a whole."""

    text: str | None = None
    fields: Record | None = None

    def value(self, whole: bool) -> Value:
        if self.fields is not None:
            return self.fields
        return Blob(self.text.encode()) if self.text is not None else None


Stored = WasmState | EnvoyObject


Level = dict[bytes, tuple[Stored, LifeSpan]]


class FilterState:
    """The objects of one request. ``connection`` holds those that outlive it: give the same one to
    all requests of a connection."""

    __slots__ = ("_bytes", "_connection", "_request")

    def __init__(self, connection: Level | None = None) -> None:
        self._request: Level = {}
        self._bytes = 0  # of all that was ever set as a property
        self._connection = {} if connection is None else connection

    def get(self, key: bytes) -> Stored | None:
        found = self._request.get(key) or self._connection.get(key)
        return found[0] if found is not None else None

    def names(self) -> list[bytes]:
        return [*self._connection, *self._request]

    def put(self, key: bytes, stored: Stored, span: LifeSpan) -> bool:
        """False: nothing was done, because the name is taken for another life span."""
        found = self._request.get(key) or self._connection.get(key)
        if found is not None and found[1] is not span:
            return False
        level = self._connection if span is LifeSpan.CONNECTION else self._request
        level[key] = stored, span
        return True

    def has_room(self, name: bytes, data: bytes) -> bool:
        """Whether a property may be set: there are not too many, and not too much in them."""
        level = self._request
        if len(level) + len(self._connection) >= MAX_OBJECTS:
            return self.get(WASM_PREFIX + name) is not None
        self._bytes += len(name) + len(data)
        return self._bytes <= MAX_BYTES

    def set_property(self, name: bytes, data: bytes, prototype: Prototype) -> bool:
        """False: the property is declared to be set once, and it is set.

        ``prototype`` counts for the first value only: an object stays what it was made as.
        """
        key = WASM_PREFIX + name
        found = self.get(key)
        if not isinstance(found, WasmState):
            return self.put(key, WasmState(prototype, data), prototype.span)
        if found.prototype.readonly:
            return False
        found.data = data
        return True
