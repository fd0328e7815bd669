"""Traces as text, word for word; ``pytest --update-golden`` rewrites ``data/traces/*.txt``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wasm_filters.tracing.scenarios import SCENARIOS

FOLDER = Path(__file__).parents[1] / "data/traces"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_story_has_this_trace(name: str, update_golden: bool) -> None:
    expected = FOLDER / f"{name}.txt"
    made = f"{SCENARIOS[name]()}\n"
    if update_golden:
        expected.write_text(made, encoding="utf-8")
    assert made == expected.read_text(encoding="utf-8"), "pytest --update-golden rewrites it"


def test_no_expected_trace_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(SCENARIOS)
