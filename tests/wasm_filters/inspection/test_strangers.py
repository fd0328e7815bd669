from __future__ import annotations

import pytest

from wasm_filters.abi import Signature
from wasm_filters.engine.border import Import
from wasm_filters.hostcalls import HOSTCALLS
from wasm_filters.inspection.strangers import whose


@pytest.mark.parametrize(
    ("module", "name", "owner", "advice"),
    [
        ("env", "proxy_redis_init", "Higress's own", "run it in Higress"),
        ("env", "proxy_set_upstream_override_host", "Higress's own", "run it in Higress"),
        ("env", "proxy_kv_store_open", "G-Core FastEdge's own", "run it there"),
        ("env", "proxy_set_log_level", "G-Core FastEdge's own", "run it there"),
        ("env", "abort", "how AssemblyScript gives up", "--use abort=abort_proc_exit"),
        ("env", "invoke_viii", "how Emscripten jumps", "without exceptions"),
        ("env", "_emscripten_throw_longjmp", "how Emscripten jumps", "without exceptions"),
        ("env", "emscripten_memcpy_js", "of Emscripten's JavaScript", "-sSTANDALONE_WASM"),
        ("env", "__cxa_throw", "how C++ throws", "-fno-exceptions"),
        ("gojs", "runtime.wasmExit", "Go's for browsers", "GOOS=wasip1"),
        ("wasi", "thread-spawn", "how a WASI module starts threads", "without threads"),
        ("wasi:cli/environment@0.2.0", "get-environment", "WASI of the component", "wasip1"),
        ("wasi_snapshot_preview1", "sock_open", "a WASI function that Envoy has not", "leave out"),
        ("__wbindgen_placeholder__", "__wbindgen_describe", "wasm-bindgen's", "wasm32-wasip1"),
        ("env", "thing", "of no host that is known here", "find out"),
        ("elsewhere", "proxy_redis_init", "of no host that is known here", "find out"),
    ],
)
def test_an_import_is_known_by_its_name(module: str, name: str, owner: str, advice: str) -> None:
    found = whose(Import(module, name, Signature()))
    assert found.owner.startswith(owner)
    assert advice in found.advice


def test_no_hostcall_of_the_abi_is_a_strangers() -> None:
    ours = [name for name in HOSTCALLS if name.startswith("proxy_")]
    owners = {whose(Import("env", name, Signature())).owner for name in ours}
    assert owners == {"of no host that is known here"}
