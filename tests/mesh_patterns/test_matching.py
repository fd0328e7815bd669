from __future__ import annotations

from typing import Any

import pytest

from mesh_patterns.draft import Match
from mesh_patterns.matching import MatchSpec
from mesh_yaml.build import build
from mesh_yaml.matching import StringMatch
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place


def meaning(**match: Any) -> Match:
    return build(MatchSpec, Node.of(match, Place("m.yaml"))).meaning()


def refused(**match: Any) -> str:
    with pytest.raises(DocumentError) as caught:
        meaning(**match)
    return str(caught.value).removeprefix("m.yaml:1:1: ")


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/", "prefix", "/"),
        ("/v2", "separated_prefix", "/v2"),
        ("/v2/", "prefix", "/v2/"),
        ({"exact": "/v2"}, "exact", "/v2"),
        ({"regex": "/v."}, "regex", "/v."),
        ({"suffix": ".js"}, "suffix", ".js"),
    ],
)
def test_a_bare_path_is_a_prefix_of_whole_segments(path: Any, kind: str, text: str) -> None:
    assert meaning(path=path).path == StringMatch(kind, text)


def test_a_bare_text_is_exact_and_numbers_and_flags_are_text() -> None:
    match = meaning(headers={"X-A": "a", "b": 5, "c": True}, query={"Q": 1.5}, method="GET")
    assert match.headers == (
        ("x-a", StringMatch("exact", "a")),
        ("b", StringMatch("exact", "5")),
        ("c", StringMatch("exact", "true")),
    )
    assert match.query == (("Q", StringMatch("exact", "1.5")),)  # a parameter's case means much
    assert match.method == StringMatch("exact", "GET")


@pytest.mark.parametrize(
    ("present", "invert", "meant"),
    [(True, False, False), (True, True, True), (False, False, True), (False, True, False)],
)
def test_presence_may_be_said_in_two_ways(present: bool, invert: bool, meant: bool) -> None:
    match = meaning(headers={"x": {"present": present, "invert": invert}})
    assert match.headers == (("x", StringMatch("present", invert=meant)),)


def test_nothing_said_is_every_request() -> None:
    assert meaning() == Match()


@pytest.mark.parametrize(
    ("match", "told"),
    [
        (
            {"path": {}},
            "path: expected one of contains, exact, prefix, regex, separated_prefix, "
            "suffix, got none",
        ),
        (
            {"path": {"exact": "/a", "prefix": "/b"}},
            "path: expected one of contains, exact, prefix, "
            "regex, separated_prefix, suffix, got exact, prefix",
        ),
        (
            {"path": {"exact": None}},
            "path: expected one of contains, exact, prefix, regex, "
            "separated_prefix, suffix, got none",
        ),
        ({"path": "v2"}, "path: a path begins with '/', got 'v2'"),
        ({"path": "/v2?a=1"}, "path: the query is no part of a path: use 'query'; got '/v2?a=1'"),
        (
            {"path": {"separated_prefix": "/v2/"}},
            "path: a separated prefix ends without '/', got '/v2/'",
        ),
        ({"path": {"exact": "/", "invert": True}}, "unknown key 'invert'; it belongs elsewhere"),
        (
            {"query": {"a": {"exact": "b", "invert": True}}},
            "unknown key 'invert'; it belongs elsewhere",
        ),
        (
            {"headers": {"a": {"invert": True}}},
            "a: expected one of contains, exact, prefix, present, regex, suffix, got none",
        ),
        (
            {"headers": {"a": {"regex": "("}}},
            "a: is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            {"headers": {"a": None}},
            "a: expected one of contains, exact, prefix, present, regex, suffix, got none",
        ),
    ],
)
def test_what_no_match_can_be_is_refused(match: Any, told: str) -> None:
    assert refused(**match) == told
