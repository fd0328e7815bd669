"""Foreign functions: what Envoy offers filters beyond the ABI (``proxy_call_foreign_function``).

``table.py`` maps each name to its function, which takes the Host and the argument's bytes and
answers a status and the result's bytes. ``cel.py`` is the door to CEL's runtime.
Source: envoy, source/extensions/common/wasm/foreign.cc; compared with Envoy 1.40 in
tests/wasm_filters/test_foreign_fidelity.py.
"""
