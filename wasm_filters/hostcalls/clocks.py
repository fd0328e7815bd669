"""Spec sections "Clocks" and "Timers".

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#clocks
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.state.host import Host


def get_current_time_nanoseconds(host: Host, time_at: int) -> Status:
    """Write the time since the epoch, in nanoseconds, as the host's clock has it.

    INVALID_MEMORY_ACCESS: ``time_at`` is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_current_time_nanoseconds
    """
    host.memory.write_u64(time_at, host.worker.clock())
    return Status.OK


def set_tick_period_milliseconds(host: Host, period: int) -> Status:
    """Ask for ``proxy_on_tick`` on the root context every ``period`` ms; 0 stops it. Always OK.

    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_tick_period_milliseconds
    """
    root, caller = host.current.root, host.caller
    if caller is not None:
        host.worker.ticks.set(root, period, lambda: caller.call("proxy_on_tick", root, root.id))
    return Status.OK
