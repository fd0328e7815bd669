"""The table of foreign functions. To add one, write it in a module of its own and its line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wasm_filters.abi import Status
from wasm_filters.foreign.compression import compress, uncompress
from wasm_filters.foreign.expressions import expr_create, expr_delete, expr_evaluate
from wasm_filters.foreign.route import clear_route_cache
from wasm_filters.foreign.signatures import sign, verify_signature
from wasm_filters.foreign.state import declare_property, set_envoy_filter_state
from wasm_filters.state.host import Host

ForeignFunction = Callable[[Host, bytes], tuple[Status, bytes]]

FOREIGN: Mapping[bytes, ForeignFunction] = {
    b"clear_route_cache": clear_route_cache,
    b"compress": compress,
    b"declare_property": declare_property,
    b"expr_create": expr_create,
    b"expr_delete": expr_delete,
    b"expr_evaluate": expr_evaluate,
    b"set_envoy_filter_state": set_envoy_filter_state,
    b"sign": sign,
    b"uncompress": uncompress,
    b"verify_signature": verify_signature,
}
