from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from mesh_patterns.draft import Draft
from mesh_patterns.kinds.cors import Cors
from mesh_yaml.matching import StringMatch

Routed = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
TO = "route: [{destination: {host: reviews}}]"


def test_a_policy_is_that_of_its_rule_alone(routed: Routed) -> None:
    draft = routed(f"""
        - match: [{{uri: {{prefix: /a}}}}]
          {TO}
          corsPolicy:
            allowOrigins: [{{exact: "https://a.example"}}, {{regex: ".*"}}]
            allowMethods: [PUT]
            maxAge: 24h
        - {TO}
          corsPolicy: {{allowOrigin: ["https://b.example"], allowCredentials: true}}
        - {TO}
    """)
    first, second, third = (rule.value("cors") for rule in draft.edges["client", "reviews"].rules)
    assert first == Cors(
        (StringMatch("exact", "https://a.example"), StringMatch("regex", ".*")),
        ("PUT",),
        max_age=timedelta(hours=24),
    )
    assert (second.origins[0].text, second.credentials, third) == ("https://b.example", True, None)


def test_a_policy_of_no_origin_is_told(routed: Routed, told: Told) -> None:
    draft = routed(f"- {TO}\n  corsPolicy: {{allowMethods: [PUT]}}")
    assert any("a corsPolicy of no origin allows none" in line for line in told(draft))
