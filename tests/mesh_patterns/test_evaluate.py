"""Claims about whether a match holds; that Envoy agrees is proven beside the compiler's tests."""

from __future__ import annotations

import pytest

from mesh_patterns.draft import Match
from mesh_patterns.evaluate import holds, path_holds
from mesh_traffic import Headers, Request
from mesh_yaml.matching import StringMatch


@pytest.mark.parametrize(
    ("kind", "text", "path", "expected"),
    [
        ("exact", "/v2", "/v2", True),
        ("exact", "/v2", "/v2?x=1", True),
        ("exact", "/v2", "/v2/", False),
        ("prefix", "/v2", "/v2beta", True),
        ("separated_prefix", "/v2", "/v2beta", False),
        ("separated_prefix", "/v2", "/v2/x", True),
        ("suffix", ".html", "/a.html?q", True),
        ("contains", "b", "/abc", True),
        ("regex", "/v[0-9]", "/v2", True),
        ("regex", "/v[0-9]", "/v22", False),
    ],
)
def test_a_path_is_looked_at_without_its_query(
    kind: str, text: str, path: str, expected: bool
) -> None:
    assert path_holds(StringMatch(kind, text), path) is expected


def test_case_is_ignored_only_on_request_and_never_by_an_expression() -> None:
    assert path_holds(StringMatch("prefix", "/ABC"), "/abc/d", ignore_case=True)
    assert not path_holds(StringMatch("prefix", "/ABC"), "/abc/d")
    assert not path_holds(StringMatch("regex", "/ABC"), "/abc", ignore_case=True)


def test_everything_that_is_asked_for_must_hold() -> None:
    match = Match(
        path=StringMatch("prefix", "/"),
        method=StringMatch("exact", "POST"),
        authority=StringMatch("suffix", ".test"),
        headers=(("x", StringMatch("exact", "1")),),
        query=(("q", StringMatch("exact", "1")),),
    )
    good = Request("POST", "/?q=1", "shop.test", headers=Headers.of({"X": "1"}))
    assert holds(match, good)
    for bad in (
        Request("GET", "/?q=1", "shop.test", headers=good.headers),
        Request("POST", "/?q=2", "shop.test", headers=good.headers),
        Request("POST", "/?q=1", "shop.com", headers=good.headers),
        Request("POST", "/?q=1", "shop.test"),
    ):
        assert not holds(match, bad)
