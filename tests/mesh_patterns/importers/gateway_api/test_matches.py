from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft, Match
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.importers.gateway_api.conftest import GATEWAY, route, to


def matching(match: str) -> str:
    return route(f"- {{matches: [{match}], backendRefs: [{to('one')}]}}")


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        ("{}", Match()),
        ("{path: {type: PathPrefix, value: /}}", Match()),
        ("{path: {value: /a/}}", Match(path=StringMatch("separated_prefix", "/a"))),
        ("{path: {type: Exact, value: /a/}}", Match(path=StringMatch("exact", "/a/"))),
        (
            "{path: {type: RegularExpression, value: /a|/b}}",
            Match(path=StringMatch("regex", "/a|/b")),
        ),
        (
            "{method: PUT, headers: [{name: A, value: b}, {name: a, value: c}]}",
            Match(method=StringMatch("exact", "PUT"), headers=(("a", StringMatch("exact", "b")),)),
        ),
        (
            "{queryParams: [{name: q, type: RegularExpression, value: x+}]}",
            Match(query=(("q", StringMatch("regex", "x+")),)),
        ),
    ],
)
def test_a_match_is_what_the_spec_says(
    imported: Callable[..., Draft], match: str, meant: Match
) -> None:
    (rule,) = imported(GATEWAY, matching(match)).edges["ingress", "one"].rules
    assert rule.match == meant


@pytest.mark.parametrize(
    ("match", "told"),
    [
        ("{path: {type: Prefix, value: /}}", "unknown type 'Prefix'; did you mean 'PathPrefix'?"),
        ("{header: [{name: a, value: b}]}", "unknown match 'header'; did you mean 'headers'?"),
        ("{headers: [{value: b}]}", "a match has no 'name'"),
        ("{headers: [{name: a}]}", "the match of 'a' has no 'value'"),
        ("{path: {value: a}}", "a path begins with '/', got 'a'"),
    ],
)
def test_a_match_that_can_not_be_is_an_error_at_its_line(
    refusal: Callable[..., str], match: str, told: str
) -> None:
    line = refusal(GATEWAY, matching(match))
    assert line.startswith("2.yaml:8:")
    assert told in line
