"""Spec section "Logging".

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#logging
"""

from __future__ import annotations

from wasm_filters.abi import LogLevel, Status
from wasm_filters.state.host import MAX_LOG_BYTES, Host


def log(host: Host, level: int, message: int, size: int) -> Status:
    """Write one line to the host's log.

    BAD_ARGUMENT: unknown level. INVALID_MEMORY_ACCESS: the message is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_log
    """
    if level > LogLevel.CRITICAL:
        return Status.BAD_ARGUMENT
    host.log(LogLevel(level), host.memory.head(message, size, MAX_LOG_BYTES))
    return Status.OK


def get_log_level(host: Host, level_at: int) -> Status:
    """Write the level from which on the host keeps messages.

    INVALID_MEMORY_ACCESS: ``level_at`` is outside of memory. Not in ABI 0.1.0 and 0.2.0.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_log_level
    """
    host.memory.write_u32(level_at, host.worker.log_level)
    return Status.OK
