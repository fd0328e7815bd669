"""What every filter of ours keeps: the module that its sources made, and nothing of a machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import wasm_filters
from wasm_filters.abi import AbiVersion
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.module import Module
from wasm_filters.toolchains import TOOLCHAINS

FOLDER = Path(wasm_filters.__file__).parent / "filters"
MARKERS = [toolchain.marker for toolchain in TOOLCHAINS.values()]
FILTERS = sorted({path.parent.name for name in MARKERS for path in FOLDER.glob(f"*/{name}")})


@pytest.mark.parametrize("name", FILTERS)
def test_the_module_is_the_one_that_was_built(name: str) -> None:
    """``filters/build`` writes both; this says when one was changed by hand."""
    digest, file = (FOLDER / name / "SHA256").read_text().split()
    assert file == f"{name}.wasm"
    assert digest == hashlib.sha256((FOLDER / name / file).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", FILTERS)
def test_envoy_would_load_it(name: str) -> None:
    module = Module.load(FOLDER / name / f"{name}.wasm", CompiledCache.default())
    assert module.version is not AbiVersion.V0_1_0  # whose callbacks Envoy keeps for old filters


@pytest.mark.parametrize("name", FILTERS)
def test_it_tells_nothing_of_the_machine_that_built_it(name: str) -> None:
    code = (FOLDER / name / f"{name}.wasm").read_bytes()
    found = [place for place in (b"/home/", b"/root/", b"/tmp/", b"/Users/") if place in code]
    assert found == []


@pytest.mark.parametrize("name", FILTERS)
def test_a_reader_learns_what_it_does_and_how_to_build_it(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert f"`../build {name}`" in text


@pytest.mark.parametrize("name", FILTERS)
def test_its_functions_have_names_in_the_backtrace_of_a_trap(name: str) -> None:
    assert b"\x04name" in (FOLDER / name / f"{name}.wasm").read_bytes()
