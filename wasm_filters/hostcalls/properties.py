"""Spec section "Properties", with Envoy's paths.

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#properties
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.errors import Refusal
from wasm_filters.foreign.data import foreign_data
from wasm_filters.properties.attributes import MOVED
from wasm_filters.properties.filter_state import UNDECLARED, NotReadable
from wasm_filters.properties.lookup import find
from wasm_filters.properties.stream import StreamProperties
from wasm_filters.properties.values import Unserialisable, encode
from wasm_filters.state.host import Host

_NODE = (b"xds\0node", b"xds\0node\0extensions")


def get_property(host: Host, path: int, path_size: int, value_at: int, size_at: int) -> Status:
    """Hand over the property at ``path``, whose segments are joined by NULs.

    NOT_FOUND: no such property, or not in this phase. SERIALIZATION_FAILURE: the path names a
    whole family (``request``), or something that is or holds a null. INVALID_MEMORY_ACCESS: a
    pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_property
    """
    raw = host.memory.read(path, path_size)
    if not raw:
        return Status.SERIALIZATION_FAILURE
    try:
        value = find(host.current, raw)
        if value is None:
            _explain(host, raw)
            return Status.NOT_FOUND
        data = encode(value)
    except Unserialisable:
        return Status.SERIALIZATION_FAILURE
    except NotReadable as error:
        raise Refusal(f"property {_dotted(raw)}: {error}") from error
    if raw in _NODE:
        host.warn("xds.node lists no extensions here; Envoy's lists all that are built in")
    host.memory.hand_over(data, value_at, size_at)
    return Status.OK


def _explain(host: Host, raw: bytes) -> None:
    first = raw.partition(b"\0")[0]
    if first in MOVED:
        host.warn(f"property {_dotted(raw)} is not found, as in Envoy; it is xds.{_dotted(raw)}")


def _dotted(raw: bytes) -> str:
    return raw.removesuffix(b"\0").replace(b"\0", b".").decode("utf-8", "replace")


def set_property(host: Host, path: int, path_size: int, value: int, value_size: int) -> Status:
    """Keep a value with the request, under a name that get_property finds if Envoy has none such.

    It is kept as the name was declared in the root context, and all filters of the request see it.
    NOT_FOUND: there is no request (root context). BAD_ARGUMENT: declared to be set once, and set.
    INTERNAL_FAILURE: too much was set (a limit of this host). INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_property
    """
    name = host.memory.read(path, path_size)
    data = host.memory.read(value, value_size)
    properties = host.current.properties
    if not isinstance(properties, StreamProperties):
        return Status.NOT_FOUND
    if not properties.filter_state.has_room(name, data):
        host.warn("more properties were set on one stream than this host keeps")
        return Status.INTERNAL_FAILURE
    declared = foreign_data(host.current.root).prototypes.get(name, UNDECLARED)
    kept = properties.filter_state.set_property(name, data, declared)
    return Status.OK if kept else Status.BAD_ARGUMENT
