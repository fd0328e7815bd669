"""Modules with several memories, in both engines: how many, and how far each of them grows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesh_traffic import Request
from mini_mesh.filter_rig.config import Layout, WasmFilter
from mini_mesh.filter_rig.log import logged
from mini_mesh.filter_rig.rig import open_rig
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.guests import guest, on_request_headers
from wasm_filters.config import PluginConfig
from wasm_filters.errors import ModuleError
from wasm_filters.filter import Filter
from wasm_filters.module import Module

GET = Request("GET", "/", "test")
LOG = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
WHOLE = 16384  # pages, 1 GiB


def several(count: int, growth: int = 0) -> bytes:
    """A guest with so many memories besides its first: it copies an A from the last into the first,
    and logs it with 1 if the last could grow by ``growth`` pages, else 0."""
    memories = " ".join("(memory 1)" for _ in range(count))
    body = f"""(i32.store8 {count} (i32.const 0) (i32.const 65))
      (memory.copy 0 {count} (i32.const 100) (i32.const 0) (i32.const 1))
      (i32.store8 (i32.const 101) (i32.add (i32.const 48)
        (i32.ne (memory.grow {count} (i32.const {growth})) (i32.const -1))))
      (drop (call $log (i32.const 2) (i32.const 100) (i32.const 2)))"""
    return guest(memories, on_request_headers(body), imports=LOG)


MODULES = {
    "two": (several(1), "A1"),
    "four": (several(3), "A1"),
    "one that grows to a GiB": (several(1, WHOLE - 1), "A1"),
    "one that wants to be larger": (several(1, WHOLE), "A0"),
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    modules = {name: code for name, (code, _) in MODULES.items()} | {"thousand": several(1000)}
    chains = {name: [WasmFilter(code, PluginConfig(name))] for name, code in modules.items()}
    folder: Path = tmp_path_factory.mktemp("envoy")

    async def all_of_them() -> dict[str, list[str]]:
        async with open_rig(needs_envoy(), Layout(chains), folder) as rig:
            lines = {name: (await rig.exchange(name, GET)).lines for name in chains}
        return {name: [one.message for one in logged(lines[name], [name])] for name in chains}

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("name", MODULES)
def test_several_memories_are_alike_in_both(there: dict[str, list[str]], name: str) -> None:
    code, said = MODULES[name]
    logs = Filter(Module.of(code), PluginConfig(name)).handle(GET).logs
    assert [log.message for log in logs] == there[name] == [said]


def test_envoy_takes_any_number_and_this_host_four(there: dict[str, list[str]]) -> None:
    assert there["thousand"] == ["A1"]
    with pytest.raises(ModuleError, match="memory count too high at 5"):
        Filter(Module.of(several(4)))
