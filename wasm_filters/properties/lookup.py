"""Finding what a context may ask for: attributes, its plugin's own names, and what filters set.

The order is Envoy's (source/extensions/common/wasm/context.cc, findValue): attributes, then the
plugin, then ``wasm.`` objects of the filter state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasm_filters.properties.stream import StreamProperties, descend
from wasm_filters.properties.values import Uint, Value

if TYPE_CHECKING:
    from wasm_filters.state.context import Context


def find(context: Context, path: bytes, whole: bool = True) -> Value:
    """The value at ``path``, segments joined by NULs; None if there is none now.

    ``whole``: a property that a filter set is asked for by its name alone, and not looked into.

    NotReadable: a filter set it as something that this host can not look into.
    """
    properties = context.properties
    value = properties.find(path)
    if value is not None:
        return value
    segments = path.removesuffix(b"\0").split(b"\0")
    if len(segments) > 1 and properties.find(segments[0]) is not None:
        return None  # the family is there, the attribute is not
    own = _of_plugin(context, segments[0])
    if own is not None:
        return descend(own, segments[1:])
    return properties.own(segments, whole) if isinstance(properties, StreamProperties) else None


def _of_plugin(context: Context, name: bytes) -> Value:
    config = context.config
    if name == b"plugin_name":
        return config.name
    if name == b"plugin_root_id":
        return config.root_id
    if name == b"plugin_vm_id":
        return config.vm_id
    if name == b"connection_id" and isinstance(context.properties, StreamProperties):
        return Uint(context.properties.surroundings.connection_id)
    return None
