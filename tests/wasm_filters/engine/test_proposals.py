"""The table of what WebAssembly learnt since is what was seen (Envoy's half: test_checks.py)."""

from __future__ import annotations

import pytest

from tests.wasm_filters.odd_guests import LOADS, REFUSED
from wasm_filters.engine.compiled import compile_module
from wasm_filters.engine.proposals import LEGACY_EXCEPTIONS, PROPOSALS
from wasm_filters.engine.validation import proposals
from wasm_filters.errors import ModuleError

GUESTS = LOADS | {name: odd.code for name, odd in REFUSED.items()}


@pytest.mark.parametrize("name", PROPOSALS)
def test_a_guest_that_uses_one_is_found_out(name: str) -> None:
    assert name in proposals(GUESTS[name])


@pytest.mark.parametrize("name", PROPOSALS)
def test_this_host_runs_what_the_table_says(name: str) -> None:
    if PROPOSALS[name].here:
        compile_module(GUESTS[name])
    else:
        with pytest.raises(ModuleError):
            compile_module(GUESTS[name])


@pytest.mark.parametrize("name", PROPOSALS)
def test_envoy_runs_what_the_table_says(name: str) -> None:
    assert (name in LOADS or REFUSED[name].envoy) is PROPOSALS[name].in_envoy


def test_a_plain_guest_uses_none() -> None:
    assert proposals(GUESTS["plain"]) == ()
    assert proposals(GUESTS["relaxed_simd"]) == ("relaxed_simd",)  # which implies the other
    assert proposals(GUESTS[LEGACY_EXCEPTIONS]) == (LEGACY_EXCEPTIONS,)


def test_an_invalid_module_uses_nothing() -> None:
    with pytest.raises(ModuleError, match="not a valid wasm module: type mismatch"):
        proposals(GUESTS["body_that_is_invalid"])
