"""Spec section "Buffers", as Envoy answers it.

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#buffers
"""

from __future__ import annotations

from wasm_filters.abi import BufferType, Status
from wasm_filters.dialect import Difference
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.host import Host

# not there: NOT_FOUND; the others then are empty and can't be changed
_STRICT = (BufferType.HTTP_CALL_RESPONSE_BODY, BufferType.PLUGIN_CONFIGURATION)
_OF_CALLS = (BufferType.HTTP_CALL_RESPONSE_BODY, BufferType.GRPC_CALL_MESSAGE)


def _buffer(host: Host, kind: int) -> Buffer | Status:
    if kind > BufferType.FOREIGN_FUNCTION_ARGUMENTS:
        return Status.BAD_ARGUMENT
    if kind == BufferType.FOREIGN_FUNCTION_ARGUMENTS:
        return _arguments(host)
    if kind == BufferType.VM_CONFIGURATION:
        found = _vm_configuration(host)
    elif kind == BufferType.PLUGIN_CONFIGURATION:
        found = host.plugin_configuration
    else:
        context = host.current
        found = (context.root if kind in _OF_CALLS else context).buffers.get(kind)
    if found is None:
        if kind in _STRICT or not host.differs(Difference.UNAVAILABLE_BUFFER):
            return Status.NOT_FOUND
        found = Buffer()
    host.last_buffer = found
    return found


def _arguments(host: Host) -> Buffer | Status:
    """Envoy has one buffer object, and this type means "that one"."""
    if host.calling == "proxy_on_foreign_function" or host.differs(Difference.LAST_BUFFER):
        return host.last_buffer
    return Status.NOT_FOUND


def _vm_configuration(host: Host) -> Buffer | None:
    if host.calling == "proxy_on_vm_start" or host.differs(Difference.VM_CONFIGURATION):
        return host.vm_configuration
    return None


def get_buffer_bytes(
    host: Host, kind: int, start: int, max_size: int, data_at: int, size_at: int
) -> Status:
    """Hand over at most ``max_size`` bytes from ``start``; fewer, or none, if there are no more.

    OK with no bytes: the body is not available in this phase (the spec says NOT_FOUND, Envoy does
    this). NOT_FOUND: no configuration or call response to read now. BAD_ARGUMENT: unknown buffer.
    INVALID_MEMORY_ACCESS: a pointer is outside of memory, or the allocator's answer is.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_buffer_bytes
    """
    buffer = _buffer(host, kind)
    if isinstance(buffer, Status):
        return buffer
    if start > len(buffer) and not host.differs(Difference.BUFFER_OVERFLOW):
        return Status.BAD_ARGUMENT
    host.memory.hand_over(buffer.read(start, max_size), data_at, size_at)
    return Status.OK


def get_buffer_status(host: Host, kind: int, size_at: int, flags_at: int) -> Status:
    """Write the buffer's size, and 0 for its flags.

    NOT_FOUND, BAD_ARGUMENT, INVALID_MEMORY_ACCESS: as for get_buffer_bytes.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_buffer_status
    """
    buffer = _buffer(host, kind)
    if isinstance(buffer, Status):
        return buffer
    host.memory.write_u32(size_at, len(buffer))
    host.memory.write_u32(flags_at, 0)
    return Status.OK


def set_buffer_bytes(
    host: Host, kind: int, start: int, size: int, data: int, data_size: int
) -> Status:
    """Prepend (``start`` 0, ``size`` 0), replace the head (``start`` 0) or append (``start``
    behind the end).

    BAD_ARGUMENT: unknown buffer, not available now, not changeable, or a ``start`` inside of it
    (the spec would insert there, Envoy can't). NOT_FOUND, INVALID_MEMORY_ACCESS: as above.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_buffer_bytes
    """
    buffer = _buffer(host, kind)
    if isinstance(buffer, Status):
        return buffer
    new = host.memory.read(data, data_size)
    if 0 < start < len(buffer) and not host.differs(Difference.BUFFER_MIDDLE):
        return buffer.splice(start, size, new)
    return buffer.replace(start, size, new)
