from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft, Match, Rule
from mesh_yaml.matching import StringMatch

Rules = Callable[..., list[Rule]]
TO = "route: [{destination: {host: reviews}}]"


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("uri: {exact: /a}", Match(path=StringMatch("exact", "/a"))),
        ("uri: {prefix: /a}", Match(path=StringMatch("prefix", "/a"))),
        ("uri: {regex: '/a.*'}", Match(path=StringMatch("regex", "/a.*"))),
        ("uri: {prefix: /}", Match()),
        ("uri: {regex: '.*'}", Match()),
        ("method: {exact: GET}", Match(method=StringMatch("exact", "GET"))),
        ("authority: {prefix: a.}", Match(authority=StringMatch("prefix", "a."))),
        ("scheme: {exact: https}", Match(scheme=StringMatch("exact", "https"))),
        ("headers: {X-A: {exact: b}}", Match(headers=(("x-a", StringMatch("exact", "b")),))),
        ("headers: {x-a: {exact: 7}}", Match(headers=(("x-a", StringMatch("exact", "7")),))),
        ("headers: {x-a: {}}", Match(headers=(("x-a", StringMatch("present")),))),
        ("headers: {x-a: {regex: '*'}}", Match(headers=(("x-a", StringMatch("present")),))),
        ("withoutHeaders: {x-a: {}}", Match(headers=(("x-a", StringMatch("present", "", True)),))),
        (
            "withoutHeaders: {x-a: {prefix: b}}",
            Match(headers=(("x-a", StringMatch("prefix", "b", True)),)),
        ),
        ("queryParams: {q: {exact: b}}", Match(query=(("q", StringMatch("exact", "b")),))),
        ("queryParams: {q: {}}", Match(query=(("q", StringMatch("present")),))),
        (
            "{uri: {prefix: /A}, ignoreUriCase: true}",
            Match(path=StringMatch("prefix", "/A"), ignore_case=True),
        ),
        ("{uri: {prefix: /a}, name: n, statPrefix: s}", Match(path=StringMatch("prefix", "/a"))),
    ],
)
def test_a_match_means_what_istio_means(rules: Rules, match: str, expected: Match) -> None:
    shown = match if match.startswith("{") else f"{{{match}}}"
    assert [rule.match for rule in rules(f"- match: [{shown}]\n  {TO}")] == [expected]


def test_each_match_of_a_list_is_a_rule(rules: Rules) -> None:
    found = rules(f"- match: [{{uri: {{exact: /a}}}}, {{uri: {{exact: /b}}}}]\n  {TO}")
    assert [rule.match.path for rule in found] == [
        StringMatch("exact", "/a"),
        StringMatch("exact", "/b"),
    ]


def test_a_match_for_other_gateways_is_not_for_the_mesh(rules: Rules) -> None:
    found = rules(f"""
        - match:
          - {{gateways: [edge], uri: {{exact: /a}}}}
          - {{gateways: [mesh], uri: {{exact: /b}}}}
          {TO}
        - match: [{{gateways: [edge], uri: {{exact: /c}}}}]
          {TO}
    """)
    assert [rule.match.path for rule in found] == [StringMatch("exact", "/b")]


def test_a_match_that_cannot_be_told_apart_is_left_out_and_told(
    routed: Callable[..., Draft], told: Callable[[Draft], list[str]]
) -> None:
    draft = routed(f"""
        - match: [{{sourceLabels: {{app: a}}}}]
          {TO}
        - match: [{{port: 80, uri: {{exact: /b}}}}]
          {TO}
    """)
    found = draft.edges["client", "reviews"].rules
    assert [rule.match.path for rule in found] == [StringMatch("exact", "/b")]
    assert (
        "3.yaml:7:14: not imported yet: a match by sourceLabels, so that match is left out "
        "(VirtualService 'x')" in told(draft)
    )
    assert "3.yaml:9:14: a match by port holds for every port (VirtualService 'x')" in told(draft)


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ("{uri: {exact: /a, prefix: /b}}", "expected one of exact, prefix and regex, got exact, p"),
        ("{uri: {suffix: /a}}", "expected one of exact, prefix and regex, got suffix"),
        ("{uri: {regex: '('}}", "is no regular expression"),
        ("{headers: {a: {exact: b}}, withoutHeaders: {a: {exact: c}}}", "header 'a' is in headers"),
    ],
)
def test_a_wrong_match_is_an_error_with_its_place(
    refusal: Callable[..., str], vs: Callable[..., str], match: str, message: str
) -> None:
    text = refusal(vs(f"- match: [{match}]\n  {TO}"))
    assert text.startswith("1.yaml:7:")
    assert message in text
