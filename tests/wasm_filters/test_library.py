"""The names that one imports from wasm_filters, and what that costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import wasm_filters
from mesh_traffic import Request, Response
from tests.wasm_filters.guests import guest


@pytest.mark.parametrize("name", wasm_filters.__all__)
def test_every_name_that_is_promised_is_there(name: str) -> None:
    assert getattr(wasm_filters, name) is not None


def test_what_is_not_there_is_told_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'wasm_filters' has no attribute 'nothing'"):
        wasm_filters.nothing  # noqa: B018


def test_importing_the_package_imports_neither_wasmtime_nor_protobuf() -> None:
    code = "import sys, wasm_filters; print('wasmtime' in sys.modules, 'google' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_several_filters_and_a_service_in_a_few_lines() -> None:
    from wasm_filters import Answer, HttpChain, Mode, Module, PluginConfig, Worker

    worker = Worker(Mode.SPEC, clusters={"auth": lambda request: Answer(Response(200), 0.01)})
    module = Module.of(guest())
    chain = HttpChain(worker, [worker.plugin(module, PluginConfig(name)) for name in ("a", "b")])
    assert chain.handle(Request(path="/")).status == 200
