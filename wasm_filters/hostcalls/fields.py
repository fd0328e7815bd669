"""Spec section "HTTP fields", as Envoy answers it.

A map that is not available in the running phase answers BAD_ARGUMENT, except that reading all of
it answers OK with nothing. https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#http-fields
"""

from __future__ import annotations

from wasm_filters.abi import AbiVersion, MapType, Status
from wasm_filters.dialect import Difference
from wasm_filters.pairs import PairsError, decode_pairs, encode_pairs
from wasm_filters.state.header_map import MAX_BYTES, HeaderMap
from wasm_filters.state.host import Host


def get_header_map_value(
    host: Host, map_type: int, key: int, key_size: int, value_at: int, value_size_at: int
) -> Status:
    """Hand over the first value of one field.

    NOT_FOUND: no such field (ABI 0.1.0: OK and an empty value), or in ``proxy_on_log`` no such
    map. BAD_ARGUMENT: unknown map, or not available now. INVALID_MEMORY_ACCESS: a pointer is
    outside of memory, or the allocator's answer is.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_header_map_value
    """
    name = host.memory.read(key, key_size)
    current = host.current
    fields = current.readable(map_type)
    if fields is None:
        unknown = map_type > MapType.HTTP_CALL_RESPONSE_TRAILERS
        if unknown or current.logged is None:
            return Status.BAD_ARGUMENT
        if map_type == MapType.REQUEST_TRAILERS:
            host.differs(Difference.LOGGED_TRAILERS)
    if name == b"host" and map_type == MapType.REQUEST_HEADERS:
        host.differs(Difference.HOST_IS_AUTHORITY)
    value = fields.get(name) if fields is not None else None
    if value is None:
        if host.version is not AbiVersion.V0_1_0:
            return Status.NOT_FOUND
        value = b""
    host.memory.hand_over(value, value_at, value_size_at)
    return Status.OK


def get_header_map_pairs(host: Host, map_type: int, pairs_at: int, size_at: int) -> Status:
    """Hand over all fields, serialised; nothing for an empty map.

    OK with nothing: the map is not available now. BAD_ARGUMENT: unknown map.
    INVALID_MEMORY_ACCESS: as for get_header_map_value.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_header_map_pairs
    """
    if map_type > MapType.HTTP_CALL_RESPONSE_TRAILERS:
        return Status.BAD_ARGUMENT
    fields = host.current.readable(map_type)
    if fields is None and not host.differs(Difference.UNAVAILABLE_FIELDS):
        return Status.BAD_ARGUMENT
    data = encode_pairs(fields.pairs) if fields else b""
    host.memory.hand_over(data, pairs_at, size_at)
    return Status.OK


def get_header_map_size(host: Host, map_type: int, size_at: int) -> Status:
    """Write how many bytes all names and values have (Envoy; the spec means the serialised size).

    BAD_ARGUMENT: unknown map, not available now, or only readable (``proxy_on_log``).
    INVALID_MEMORY_ACCESS: ``size_at`` is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_header_map_size
    """
    writable, readable = host.current.writable(map_type), host.current.readable(map_type)
    if writable is None and readable is None:
        return Status.BAD_ARGUMENT
    if not host.differs(Difference.FIELDS_SIZE):
        size = len(encode_pairs((readable or HeaderMap()).pairs))
    elif writable is not None:
        size = writable.byte_size
    else:
        return Status.BAD_ARGUMENT
    host.memory.write_u32(size_at, size)
    return Status.OK


def set_header_map_pairs(host: Host, map_type: int, data: int, size: int) -> Status:
    """Replace all fields. Bytes that are no serialised map count as an empty one, as in Envoy.

    BAD_ARGUMENT: unknown map or not changeable now. INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_header_map_pairs
    """
    serialised = host.memory.read(data, size)
    fields = host.current.writable(map_type)
    if fields is None:
        return Status.BAD_ARGUMENT
    fields.set_pairs(pairs_or_none(host, serialised))
    return Status.OK


def pairs_or_none(host: Host, serialised: bytes) -> list[tuple[bytes, bytes]]:
    """The decoded map; none, and a warning, where it can't be decoded."""
    try:
        return decode_pairs(serialised)
    except PairsError as error:
        host.warn(f"fields that can't be read were taken as none: {error}")
        return []


def add_header_map_value(
    host: Host, map_type: int, key: int, key_size: int, value: int, value_size: int
) -> Status:
    """Add one field at the end, or to the value of one that exists only once in Envoy.

    BAD_ARGUMENT: unknown map or not changeable now. INTERNAL_FAILURE: too much (a limit of this
    host). INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_add_header_map_value
    """
    memory = host.memory
    fields = host.current.writable(map_type)
    if fields is None:
        return Status.BAD_ARGUMENT
    name = memory.read(key, key_size)
    if not fields.has_room(key_size + value_size):
        return _full(host)
    if fields.joins(name):
        host.differs(Difference.FIELDS_ARE_JOINED)
    fields.add(name, memory.read(value, value_size))
    return Status.OK


def _full(host: Host) -> Status:
    host.warn(f"more than {MAX_BYTES} bytes of fields in one map")
    return Status.INTERNAL_FAILURE


def replace_header_map_value(
    host: Host, map_type: int, key: int, key_size: int, value: int, value_size: int
) -> Status:
    """Remove all fields of that name and add one.

    BAD_ARGUMENT: unknown map or not changeable now. INTERNAL_FAILURE: too much (a limit of this
    host). INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_replace_header_map_value
    """
    memory = host.memory
    fields = host.current.writable(map_type)
    if fields is None:
        return Status.BAD_ARGUMENT
    if not fields.has_room(key_size + value_size):
        return _full(host)
    fields.replace(memory.read(key, key_size), memory.read(value, value_size))
    return Status.OK


def remove_header_map_value(host: Host, map_type: int, key: int, key_size: int) -> Status:
    """Remove all fields of that name; OK also if there are none.

    BAD_ARGUMENT: unknown map or not changeable now. INVALID_MEMORY_ACCESS: a bad pointer.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_remove_header_map_value
    """
    fields = host.current.writable(map_type)
    if fields is None:
        return Status.BAD_ARGUMENT
    fields.remove(host.memory.read(key, key_size))
    return Status.OK
