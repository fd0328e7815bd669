"""Spec section "Properties", with Envoy's paths.

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#properties
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.host import Host
from wasm_filters.properties import ELSEWHERE, FAMILIES, WRAPPERS


def get_property(host: Host, path: int, path_size: int, value_at: int, size_at: int) -> Status:
    """Hand over the property at ``path``, whose segments are joined by NULs.

    NOT_FOUND: no such property, or not in this phase. SERIALIZATION_FAILURE: the path names a
    whole family (``request``). INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_property
    """
    raw = host.memory.read(path, path_size)
    segments = tuple(raw.decode("utf-8", "replace").removesuffix("\0").split("\0"))
    if segments in WRAPPERS and not (host.current.is_root and segments[0] in FAMILIES):
        return Status.SERIALIZATION_FAILURE
    value = _value(host, segments, raw)
    if value is None:
        return Status.NOT_FOUND
    host.memory.hand_over(value, value_at, size_at)
    return Status.OK


def _value(host: Host, segments: tuple[str, ...], raw: bytes) -> bytes | None:
    own = {
        ("plugin_name",): host.current.config.name,
        ("plugin_root_id",): host.current.config.root_id,
        ("plugin_vm_id",): host.current.config.vm_id,
    }
    if segments in own:
        return own[segments].encode()
    value = host.current.properties.get(segments)
    if value is None:
        value = host.current.config.properties.get(".".join(segments))
    if value is None and segments[0] not in FAMILIES:
        value = host.current.state.get(raw)
    if value is None and segments[0] in ELSEWHERE:
        dotted = ".".join(segments)
        host.warn(f"property {dotted} may exist in Envoy; here it is not found unless it is set")
    return value


def set_property(host: Host, path: int, path_size: int, value: int, value_size: int) -> Status:
    """Keep a value with the request, under a name that get_property finds if Envoy has none such.

    NOT_FOUND: there is no request (root context). INTERNAL_FAILURE: too much was set (a limit of
    this host). INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_property
    """
    name = host.memory.read(path, path_size)
    data = host.memory.read(value, value_size)
    if host.current.is_root:
        return Status.NOT_FOUND
    if not host.current.state.put(name, data):
        host.warn("more properties were set on one stream than this host keeps")
        return Status.INTERNAL_FAILURE
    return Status.OK
