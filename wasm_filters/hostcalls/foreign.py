"""Spec section "Foreign function interface (FFI)", with the functions that Envoy has.

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#foreign-function-interface-ffi
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.errors import Refusal
from wasm_filters.host import Host

NOT_BUILT = frozenset(
    {
        "compress",
        "declare_property",
        "expr_create",
        "expr_delete",
        "expr_evaluate",
        "set_envoy_filter_state",
        "sign",
        "uncompress",
        "verify_signature",
    }
)


def call_foreign_function(
    host: Host,
    name: int,
    name_size: int,
    arguments: int,
    arguments_size: int,
    results_at: int,
    results_size_at: int,
) -> Status:
    """Call a function that the proxy offers beyond the ABI. ``clear_route_cache`` is OK.

    NOT_FOUND: Envoy has no such function. One that Envoy has and this host has not ends the
    callback with an error, rather than with a status that Envoy would not give.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_call_foreign_function
    """
    function = host.memory.read(name, name_size).decode("utf-8", "replace")
    host.memory.read(arguments, arguments_size)
    if function in NOT_BUILT:
        raise Refusal(f"foreign function {function} is not supported yet")
    if function != "clear_route_cache":
        return Status.NOT_FOUND
    host.memory.hand_over(b"", results_at, results_size_at)
    return Status.OK
