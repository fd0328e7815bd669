from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import GATEWAY, route, to

Told = Callable[[Draft], list[str]]


def filtered(*filters: str, match: str = "{path: {value: /a}}") -> str:
    return route(
        f"- {{matches: [{match}], filters: [{', '.join(filters)}], backendRefs: [{to('one')}]}}"
    )


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ("{type: URLRewrites}", "unknown filter 'URLRewrites'; did you mean 'URLRewrite'?"),
        ("{type: URLRewrite}", "a filter of type URLRewrite has no 'urlRewrite'"),
        ("{}", "a filter has no 'type'"),
        (
            "{type: URLRewrite, urlRewrite: {path: {type: Replace}}}",
            "unknown type 'Replace'; did you mean 'ReplaceFullPath'?",
        ),
        (
            "{type: RequestMirror, requestMirror: {backendRef: {name: a}, fraction: {numerator: 3, "
            "denominator: 2}}}",
            "expected a part of a whole, got 3 of 2",
        ),
        (
            "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a}]}}",
            "header 'a' has no 'value'",
        ),
    ],
)
def test_a_filter_that_can_not_be_is_an_error_at_its_line(
    refusal: Callable[..., str], filter: str, told: str
) -> None:
    line = refusal(GATEWAY, filtered(filter))
    assert line.startswith("2.yaml:8:")
    assert line.endswith(told)


def test_a_prefix_is_replaced_where_the_rule_has_one_prefix(refusal: Callable[..., str]) -> None:
    path = "{type: ReplacePrefixMatch, replacePrefixMatch: /b}"
    filter = f"{{type: URLRewrite, urlRewrite: {{path: {path}}}}}"
    for match in ("{path: {type: Exact, value: /a}}", "{path: {value: /a}}, {path: {value: /b}}"):
        assert refusal(GATEWAY, filtered(filter, match=match)).endswith(
            "replacePrefixMatch goes with exactly one match, by PathPrefix"
        )


def test_what_can_not_be_had_is_told_with_what_is_answered_instead(
    imported: Callable[..., Draft], told: Told
) -> None:
    extension = "{type: ExtensionRef, extensionRef: {group: x, kind: Y, name: z}}"
    draft = imported(
        GATEWAY, filtered(extension), "{apiVersion: v1, kind: Pod, metadata: {name: p}}"
    )
    assert any(
        "not imported yet: a filter of type ExtensionRef: answered with 500" in line
        for line in told(draft)
    )


def test_a_host_among_the_headers_is_a_rewrite(imported: Callable[..., Draft]) -> None:
    edit = "{set: [{name: Host, value: b.com}]}"
    draft = imported(
        GATEWAY, filtered(f"{{type: RequestHeaderModifier, requestHeaderModifier: {edit}}}")
    )
    (rule,) = draft.edges["ingress", "one"].rules
    assert rule.value("rewrite").authority == "b.com"
    assert rule.value("headers") is None


def test_filters_of_one_of_several_backends_that_can_not_be_apart_are_told(
    imported: Callable[..., Draft], told: Told
) -> None:
    own = "{type: URLRewrite, urlRewrite: {hostname: b.com}}"
    draft = imported(GATEWAY, route(f"- backendRefs: [{{name: a, filters: [{own}]}}, {{name: b}}]"))
    assert any(
        "a filter of type URLRewrite of one of several backendRefs" in x for x in told(draft)
    )
