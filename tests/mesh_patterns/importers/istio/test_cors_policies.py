from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mesh_patterns.draft import Draft
from mesh_patterns.kinds.cors import Cors
from mesh_yaml.matching import StringMatch

Routed = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
TO = "route: [{destination: {host: reviews}}]"


def test_a_rules_policy_is_its_services(routed: Routed, told: Told) -> None:
    draft = routed(f"""
        - match: [{{uri: {{prefix: /a}}}}]
          {TO}
          corsPolicy:
            allowOrigins: [{{exact: "https://a.example"}}, {{regex: ".*"}}]
            allowMethods: [PUT]
            maxAge: 24h
        - {TO}
    """)
    (found,) = [each for each in draft.filters if each.edge == ("client", "reviews")]
    assert found.config == Cors(
        (StringMatch("exact", "https://a.example"), StringMatch("regex", ".*")),
        ("PUT",),
        max_age=timedelta(hours=24),
    )
    assert any("corsPolicy: it holds for all rules" in line for line in told(draft))


def test_another_one_is_told(routed: Routed, told: Told) -> None:
    one, other = (
        f"- {TO}\n  corsPolicy: {{allowOrigin: ['https://{name}.example'], "
        "allowCredentials: true}\n"
        for name in "ab"
    )
    draft = routed(one + other)
    (found,) = [each for each in draft.filters if each.edge == ("client", "reviews")]
    assert (found.config.origins[0].text, found.config.credentials) == ("https://a.example", True)
    assert any("another corsPolicy than the first" in line for line in told(draft))
