"""Spec section "Foreign function interface (FFI)", with the functions that Envoy has.

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#foreign-function-interface-ffi
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.foreign.table import FOREIGN
from wasm_filters.state.host import Host


def call_foreign_function(
    host: Host,
    name: int,
    name_size: int,
    arguments: int,
    arguments_size: int,
    results_at: int,
    results_size_at: int,
) -> Status:
    """Call a function that the proxy offers beyond the ABI (``FOREIGN``).

    What it answers is handed over also where its status is not OK; an address of 0 for the results
    or their size says that the caller does not want them. NOT_FOUND: Envoy has no such function.
    INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_call_foreign_function
    """
    function = FOREIGN.get(host.memory.read(name, name_size))
    given = host.memory.read(arguments, arguments_size)
    if function is None:
        return Status.NOT_FOUND
    status, results = function(host, given)
    if results_at:
        host.memory.write_u32(results_at, host.memory.place(results))
    if results_size_at:
        host.memory.write_u32(results_size_at, len(results))
    return status
