from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mesh_patterns.draft import Draft

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
Vs = Callable[..., str]

ROOT = """
- match: [{uri: {prefix: /a}, headers: {x-one: {exact: b}}}]
  delegate: {name: inner, namespace: far}
  timeout: 3s
- route: [{destination: {host: reviews}}]
"""
INNER = """
- match: [{uri: {prefix: /a/b}, headers: {x-two: {exact: c}}}, {uri: {exact: /else}}]
  route: [{destination: {host: ratings.default}}]
  timeout: 9s
- match: [{method: {exact: PUT}}]
  directResponse: {status: 405}
- route: [{destination: {host: ratings.default}}]
"""


def inner(vs: Vs, http: str = INNER) -> str:
    text = vs(http, name="inner").replace("  hosts: [reviews]\n", "")
    return text.replace("{name: inner}", "{name: inner, namespace: far}")


def test_both_matches_have_to_hold_and_what_the_first_says_wins(
    imported: Import, texts: dict[str, str], vs: Vs
) -> None:
    draft = imported(texts["services"], vs(ROOT), inner(vs))
    rules = draft.edges["client", "reviews"].rules
    assert [
        (rule.match.path and rule.match.path.text, len(rule.match.headers)) for rule in rules
    ] == [
        ("/a/b", 2),
        ("/a", 1),
        ("/a", 1),
        (None, 0),
    ]
    assert [rule.value("timeout") for rule in rules[::2]] == [timedelta(seconds=3)] * 2
    assert rules[1].match.method is not None
    assert rules[0].place.file == "3.yaml"
    assert str(rules[0].split[0].target) == "ratings"


def test_nobody_to_delegate_to_is_told(
    imported: Import, texts: dict[str, str], vs: Vs, told: Told
) -> None:
    draft = imported(texts["services"], vs(ROOT))
    assert len(draft.edges["client", "reviews"].rules) == 1
    assert any("no VirtualService 'inner' without hosts" in line for line in told(draft))


def test_a_delegate_has_none_itself(
    imported: Import, texts: dict[str, str], vs: Vs, told: Told
) -> None:
    again = inner(vs, "- delegate: {name: other}")
    draft = imported(texts["services"], vs(ROOT), again)
    assert any("a delegate of a delegate" in line for line in told(draft))


def test_without_hosts_and_without_anybody_who_delegates_it_is_refused(
    refusal: Callable[..., str], texts: dict[str, str], vs: Vs
) -> None:
    assert "VirtualService 'inner' has no 'hosts'" in refusal(texts["services"], inner(vs))


@pytest.mark.parametrize("wrong", ["delegate: 1", "match: 1\n  delegate: {name: inner}"])
def test_junk_is_an_error_at_its_line_or_told(
    imported: Import, refusal: Callable[..., str], texts: dict[str, str], vs: Vs, wrong: str
) -> None:
    if wrong == "delegate: 1":
        imported(texts["services"], vs(f"- {wrong}"))
    else:
        given = vs(f"- {wrong}").replace("inner}", "inner, namespace: far}")
        assert "expected a list, got 1" in refusal(texts["services"], given, inner(vs))
