"""What an Envoy sends to the gate: never less than a breakpoint means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from debugger.breakpoints.breakpoint import Breakpoint
from debugger.breakpoints.rows import rows_of
from debugger.breakpoints.sentence import read_sentence
from mesh_patterns.compile.gate import extension
from tests.debugger.gate.messages import TOPOLOGY
from xds_server.mirror import render, serialize, type_url_of


def made(sentence: str, **more: Any) -> Breakpoint:
    said = read_sentence(sentence, TOPOLOGY.services())
    return Breakpoint("1", sentence, said.place, said.match, said.phase, **more)


def told(*sentences: str, node: str = "reviews-v2") -> list[str]:
    """Each row's predicate, briefly."""
    rows = rows_of([made(each) for each in sentences], node, TOPOLOGY)
    shown = [render(type_url_of(type(row.predicate)), serialize(row.predicate)) for row in rows]
    return [_brief(each) for each in shown]


def _brief(predicate: dict[str, Any]) -> str:
    if "single_predicate" in predicate:
        single = predicate["single_predicate"]
        read = single["input"]["typed_config"]
        return f"{read.get('header_name', 'port')} {json.dumps(single['value_match'])}"
    (kind, inside), *_ = ((k, v) for k, v in predicate.items() if k.endswith("_matcher"))
    joined = f" {kind.removesuffix('_matcher')} ".join(map(_brief, inside["predicate"]))
    return f"({joined})"


PORT = 'port {"exact": "1001"}'


@pytest.mark.parametrize(
    ("sentence", "row"),
    [
        ("reviews", PORT),
        ("reviews when ~m GET", PORT),
        ("reviews when method == GET", f'({PORT} and :method {{"exact": "GET"}})'),
        ("reviews when header X-Plan == a", f'({PORT} and x-plan {{"contains": "a"}})'),
        ("reviews when header x-plan == a and phase == response", PORT),
        (
            "reviews when path == /a and (host == b or header c == d)",
            f'({PORT} and (:path {{"exact": "/a"}} and (:authority {{"exact": "b"}} or '
            'c {"contains": "d"})))',
        ),
        ("reviews when path == /a or ~m GET", PORT),
        ("reviews when not path == /a", PORT),
        ("reviews when path != /a", PORT),
        ("reviews when path == 'ä'", PORT),
        ("when method == GET", f'({PORT} and :method {{"exact": "GET"}})'),
    ],
)
def test_what_envoy_can_tell_keeps_a_request_out(sentence: str, row: str) -> None:
    assert told(sentence) == [row]


def test_only_envoys_that_are_meant_are_told() -> None:
    assert told("reviews/v1") == []
    assert told("productpage -> reviews") == []
    assert told("productpage -> reviews", node="productpage") == ['port {"exact": "1002"}']
    assert told("ingress", node="ingress") == ['port {"exact": "1004"}']


def test_what_fails_closed_comes_first() -> None:
    rows = rows_of([made("reviews"), made("reviews", on_end="closed")], "reviews-v2", TOPOLOGY)
    assert [row.fail_open for row in rows] == [False, True]


def test_without_a_breakpoint_a_filter_skips_all() -> None:
    assert rows_of([], "reviews-v2", TOPOLOGY) == []
    assert b"SkipFilter" in extension("reviews-v2").body
    assert b"ExternalProcessor" not in extension("reviews-v2").body
