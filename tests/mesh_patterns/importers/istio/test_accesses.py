"""Rules, the requests they are about, and what is told of those that are about none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def policy(rule: str, action: str = "ALLOW") -> str:
    return f"""---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: x}}
spec: {{action: {action}, rules: [{rule}]}}
"""


def rules(draft: Draft) -> int:
    return sum(len(each.config.rules) for each in draft.filters)


@pytest.mark.parametrize(
    ("rule", "allowed", "denied", "warning"),
    [
        (
            "{from: [{source: {principals: [x/y]}}]}",
            *(0, 0, "a rule that no request is of: nobody here is of principals 'x/y'"),
        ),
        (
            "{when: [{key: 'request.auth.claims[g]', values: [a]}, {key: 'request.auth.claims[g]', "
            "values: [b]}]}",
            *(0, 1, "a condition by claim 'g' a second time"),
        ),
        (
            "{from: [{source: {requestPrincipals: [a/b]}}], "
            "when: [{key: request.auth.principal, values: [a/c]}]}",
            *(0, 0, ""),
        ),
        (
            "{when: [{key: connection.sni, values: [a]}]}",
            *(0, 1, "not imported yet: a condition by connection.sni, so its rule"),
        ),
        (
            "{when: [{key: 'request.headers[a]', values: [a]}, {key: 'request.headers[a]', "
            "values: [b]}]}",
            *(0, 1, "a condition by header 'a' a second time"),
        ),
        (
            "{to: [{operation: {ports: ['9']}}]}",
            *(0, 0, "a rule that no request is of: the workload has port 8080"),
        ),
        (
            "{to: [{operation: {paths: [info, '/a?b']}}]}",
            *(0, 0, "no path is 'info', '/a?b'"),
        ),
        ("{to: [{operation: {novelty: [a]}}]}", *(1, 1, "not imported yet: operation.novelty")),
    ],
)
def test_what_can_not_be_looked_at_lets_nobody_in(
    imported: Import, told: Told, rule: str, allowed: int, denied: int, warning: str
) -> None:
    draft = imported(service("a"), policy(rule))
    assert [each.config.action for each in draft.filters] == ["allow"]
    assert rules(draft) == allowed
    assert any(warning in line for line in told(draft))
    assert rules(imported(service("a"), policy(rule, "DENY"))) == denied


def test_a_rule_becomes_one_for_each_combination(imported: Import) -> None:
    rule = (
        "{from: [{source: {ipBlocks: [10.0.0.1]}}, {source: {ipBlocks: [10.0.0.2]}}], "
        "to: [{operation: {methods: [GET]}}, {operation: {methods: [PUT]}}], "
        "when: [{key: 'request.headers[a]', values: [b, c]}]}"
    )
    assert rules(imported(service("a"), policy(rule))) == 8


def test_too_many_combinations_are_refused(refusal: Callable[..., str]) -> None:
    many = ", ".join(f"'{number}'" for number in range(40))
    when = ", ".join(f"{{key: 'request.headers[h{i}]', values: [{many}]}}" for i in range(2))
    text = policy(f"{{when: [{when}]}}")
    assert "the rules stand for more than 1000 combinations" in refusal(service("a"), text)
