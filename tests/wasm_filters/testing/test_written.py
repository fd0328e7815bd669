"""Test files as text: what is written is what is read."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_yaml.yaml import parse
from wasm_filters.testing.written import written


@pytest.mark.parametrize(
    "text",
    ["plain", 'a "b" \\ # x: y', "größe 😀", "\0\x1b\x7f\x85\x9f\u2028\ufeff\ufffe", "- a\n- b"],
)
def test_any_text_survives(text: str) -> None:
    step = {"request": {"headers": {"x": text}}}
    test: dict[str, Any] = {"name": text, "steps": [step, step], "expect": {"body": text}}
    (document,) = parse(written(["found", "twice"], {"filter": "a.wasm"}, [test]), "x")
    assert document.plain() == {"filter": "a.wasm", "tests": [test]}


def test_a_word_a_line() -> None:
    assert written(["why"], {"filter": "a"}, [{"name": "n", "steps": [{"b": 1}]}]).splitlines() == [
        "# why",
        'filter: "a"',
        "tests:",
        '  - name: "n"',
        "    steps:",
        '      - {"b": 1}',
    ]
