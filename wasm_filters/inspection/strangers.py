"""Imports that no Proxy-Wasm host of Envoy's kind answers: whose they are, and what to do.

Sources: higress-group/proxy-wasm-go-sdk (proxywasm/internal/abi_hostcalls.go),
G-Core/FastEdge-sdk-rust (src/proxywasm/mod.rs) and G-Core/proxy-wasm-sdk-as (assembly/imports.ts);
for the rest, what the toolchains leave in a module that was built for another place.
"""

from __future__ import annotations

from dataclasses import dataclass

from wasm_filters.engine.border import Import


@dataclass(frozen=True, slots=True)
class Stranger:
    """Whose an import is, in words that end ``imports x, which is …``, and what to do about it."""

    owner: str
    advice: str


_HIGRESS = Stranger("Higress's own", "run it in Higress, or build it with the plain Go SDK")
_GCORE = Stranger("G-Core FastEdge's own", "run it there, or leave out the SDK's fastedge part")
_EXCEPTIONS = Stranger(
    "how C++ throws", "compile with -fno-exceptions, or with -fwasm-exceptions for both steps"
)
_LONGJMP = Stranger("how Emscripten jumps", "compile without exceptions and setjmp")
_EMSCRIPTEN = Stranger(
    "of Emscripten's JavaScript", "link with -sSTANDALONE_WASM, and without what needs JavaScript"
)
_THREADS = Stranger("how a WASI module starts threads", "build it without threads")
_COMPONENT = Stranger("WASI of the component model", "build for wasm32-wasip1, not wasip2")
_UNKNOWN = Stranger("of no host that is known here", "find out who links it in, or stub it")

_NAMES = {
    "proxy_inject_encoded_data_to_filter_chain": _HIGRESS,
    "proxy_get_upstream_hosts": _HIGRESS,
    "proxy_set_upstream_override_host": _HIGRESS,
    "proxy_set_log_level": _GCORE,
    "proxy_get_secret": _GCORE,
    "proxy_get_effective_at_secret": _GCORE,
    "proxy_dictionary_get": _GCORE,
    "abort": Stranger(
        "how AssemblyScript gives up", "build with --use abort=abort_proc_exit or --use abort="
    ),
    "seed": Stranger("AssemblyScript's random seed", "add @assemblyscript/wasi-shim to the build"),
    "_emscripten_throw_longjmp": _LONGJMP,
}
_PREFIXES = {
    "proxy_redis_": _HIGRESS,
    "proxy_secret_": _GCORE,
    "proxy_kv_store_": _GCORE,
    "proxy_cache_": _GCORE,
    "invoke_": _LONGJMP,
    "__cxa_": _EXCEPTIONS,
    "emscripten_": _EMSCRIPTEN,
    "_emscripten_": _EMSCRIPTEN,
    "__syscall_": _EMSCRIPTEN,
    "console.": Stranger("AssemblyScript's console", "add @assemblyscript/wasi-shim to the build"),
}
_MODULES = {
    "wasi": _THREADS,
    "gojs": Stranger("Go's for browsers", "build with GOOS=wasip1 -buildmode=c-shared"),
    "go": Stranger("Go's for browsers", "build with GOOS=wasip1 -buildmode=c-shared"),
    "wbg": Stranger("wasm-bindgen's", "build for wasm32-wasip1, without crates made for browsers"),
    "__wbindgen_placeholder__": Stranger(
        "wasm-bindgen's", "build for wasm32-wasip1, without crates made for browsers"
    ),
    "wasi_snapshot_preview1": Stranger(
        "a WASI function that Envoy has not", "leave out the code that needs it"
    ),
    "wasi_unstable": Stranger("a WASI function that Envoy has not", "build for newer WASI"),
}


def whose(wanted: Import) -> Stranger:
    """Who would answer ``wanted``, as far as its name tells."""
    if wanted.module.startswith("wasi:"):
        return _COMPONENT
    if wanted.module != "env":
        return _MODULES.get(wanted.module, _UNKNOWN)
    by_prefix = (one for prefix, one in _PREFIXES.items() if wanted.name.startswith(prefix))
    return _NAMES.get(wanted.name) or next(by_prefix, _UNKNOWN)
