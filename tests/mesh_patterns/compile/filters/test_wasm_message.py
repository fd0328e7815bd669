"""WASM filters as messages; what Envoy does with them is in ``test_chain.py``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mesh_patterns.compile.filters.wasm import message
from mesh_patterns.kinds.wasm import WasmFilter


def test_another_configuration_is_another_vm() -> None:
    file = WasmFilter(Path("/x.wasm"), "ab" * 32, "x", "", "{}", "", "reload")
    same, other = message(file), message(replace(file, root_id="r"))
    assert _vm_id(same) == _vm_id(message(file)) == "x-7b226823eadb"
    assert _vm_id(other) != _vm_id(same)


def _vm_id(message: Any) -> str:
    return str(message.config.vm_config.vm_id)
