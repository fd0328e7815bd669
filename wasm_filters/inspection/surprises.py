"""What a module that loads may still not do as its author thinks: callbacks that nobody calls,
answers that nobody hears, memories that nobody means."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from wasm_filters.abi import ALLOCATORS, CALLBACKS, AbiVersion
from wasm_filters.hostcalls import WASI_MODULES
from wasm_filters.inspection.checks import printable
from wasm_filters.inspection.interface import Interface

# what a hostcall leads to: the callback without which it is in vain
_LEADS_TO = {
    "proxy_http_call": "proxy_on_http_call_response",
    "proxy_grpc_call": "proxy_on_grpc_receive",
    "proxy_grpc_stream": "proxy_on_grpc_receive",
    "proxy_set_tick_period_milliseconds": "proxy_on_tick",
    "envoy_resolve_dns": "envoy_on_resolve_dns",
}
_STREAMS = (
    *("proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers"),
    *("proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers"),
    *("proxy_on_new_connection", "proxy_on_downstream_data", "proxy_on_upstream_data"),
    "proxy_on_log",
)


def surprises(shown: Interface, version: AbiVersion) -> Iterator[str]:
    """One line for each; ``version`` is the ABI that the module speaks."""
    yield from _start(shown)
    yield from _callbacks(shown, version)
    yield from _twice(shown, version)
    if shown.section("name") is None:
        yield "has no name section: the backtrace of a trap is numbers only"


def _start(shown: Interface) -> Iterator[str]:
    if shown.starts:
        yield "has a start section: a hostcall from there crashes Envoy"
    both = {"_initialize", "_start"} & shown.functions.keys()
    if len(both) == 2:
        yield "exports _initialize and _start: _start is not called"
    if not both and not shown.starts and any(one.module in WASI_MODULES for one in shown.imports):
        yield "exports neither _initialize nor _start: nothing starts its runtime"


def _callbacks(shown: Interface, version: AbiVersion) -> Iterator[str]:
    known = {name.partition("_on_")[2]: name for name in CALLBACKS[version]}
    for name in shown.functions:
        if name.startswith(("proxy_on_", "envoy_on_")) and name not in known.values():
            near = difflib.get_close_matches(name.partition("_on_")[2], known, n=1)
            hint = f"; did you mean {known[near[0]]!r}?" if near else ""
            yield f"exports {printable(name)}, which is no callback: nobody calls it{hint}"
    imported = {one.name for one in shown.imports if one.module == "env"}
    for hostcall, callback in _LEADS_TO.items():
        if hostcall in imported and callback not in shown.functions:
            yield f"calls {hostcall} and exports no {callback}: what comes of it is lost"
    if not any(name in shown.functions for name in _STREAMS):
        yield "exports no callback of a stream: as a filter it lets everything pass"


def _twice(shown: Interface, version: AbiVersion) -> Iterator[str]:
    markers = [one.value for one in AbiVersion if one.marker in shown.functions]
    if len(markers) > 1:
        said = " and ".join(markers)
        yield f"exports markers of ABI {said}: the first one counts, {version.value}"
    if all(name in shown.functions for name in ALLOCATORS):
        yield f"exports {' and '.join(ALLOCATORS)}: Envoy takes {ALLOCATORS[0]}"
    if len(shown.memories) > 1 and shown.memory:
        yield f"has {len(shown.memories)} memories: hostcalls use {printable(shown.memory)!r}"
