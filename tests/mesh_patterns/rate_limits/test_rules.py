"""Which limit a descriptor has, as envoyproxy/ratelimit's README has it by examples."""

from __future__ import annotations

import pytest

from mesh_patterns.rate_limits.rules import Domain, Rule, Rules
from tests.mesh_patterns.rate_limits.configs import ADDRESSES, MAIL, UNLIMITED, WILDCARDS, read

Pairs = list[tuple[str, str]]


def limit(text: str, pairs: Pairs) -> int | None:
    (domain,) = read(text)
    found = Rules([domain]).limit(domain.name, pairs)
    return found.requests if found else None


@pytest.mark.parametrize(
    ("text", "pairs", "requests"),
    [
        (MAIL, [("kind", "advertising"), ("to", "555")], 5),
        (MAIL, [("to", "555")], 100),
        (MAIL, [("kind", "bill"), ("to", "555")], None),
        (MAIL, [("kind", "advertising")], None),  # deeper than that
        (MAIL, [("to", "555"), ("kind", "advertising")], None),  # longer, and the other way round
        (MAIL, [], None),
        (ADDRESSES, [("remote_address", "192.0.2.1")], 10),
        (ADDRESSES, [("remote_address", "192.0.2.7")], 0),  # the more specific one, though second
        (WILDCARDS, [("path", "/api/users")], 20),
        (WILDCARDS, [("path", "/api/login")], 3),
        (WILDCARDS, [("path", "/home")], 50),
    ],
)
def test_the_rule_that_is_as_deep_and_most_specific_has_the_limit(
    text: str, pairs: Pairs, requests: int | None
) -> None:
    assert limit(text, pairs) == requests


def test_an_unlimited_rule_is_a_rule() -> None:
    rules = Rules(read(UNLIMITED))
    found = rules.limit("inside", [("ldap", "x")])
    assert found is not None
    assert found.unlimited
    assert rules.limit("inside", [("dns", "x")]) is None


def test_a_domain_knows_nothing_of_another() -> None:
    rules = Rules(read(MAIL, ADDRESSES))
    assert rules.limit("edge", [("to", "555")]) is None
    assert rules.limit("nowhere", [("to", "555")]) is None
    assert "mail" in rules
    assert "nowhere" not in rules


def test_a_rule_without_limit_lets_pass() -> None:
    assert Rules([Domain("d", (Rule("a"),))]).limit("d", [("a", "1")]) is None
