from __future__ import annotations

from typing import Any

import pytest

from mesh_patterns.ext_authz.decision import Asked, decide, settled
from mesh_patterns.ext_authz.rules import Allow, CheckPolicy, CheckRule, Deny
from mesh_patterns.policy import Access, TokenName
from mesh_yaml.matching import StringMatch

ASKED = Asked(
    "GET",
    "/pub/a?x=1",
    "shop",
    {"x-role": "admin"},
    principal="spiffe://shop/web",
    address="10.1.2.3",
    claims={"iss": "a", "sub": "ann", "groups": ["x", "y"]},
    server_name="a.shop",
)


def text(value: str) -> tuple[StringMatch, ...]:
    return (StringMatch("exact", value),)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (Access(), True),
        (Access(methods=text("GET")), True),
        (Access(methods=text("PUT")), False),
        (Access(paths=(StringMatch("separated_prefix", "/pub"),)), True),
        (Access(headers=(("x-role", StringMatch("exact", "admin")),)), True),
        (Access(principals=("spiffe://shop/web",)), True),
        (Access(names=(StringMatch("suffix", "/web"),)), True),
        (Access(names=(StringMatch("suffix", "/evil"),)), False),
        (Access(ip_blocks=("10.0.0.0/8",)), True),
        (Access(ip_blocks=("127.0.0.1/32",)), False),
        (Access(claims=((("groups",), text("y")),)), True),
        (Access(claims=((("groups",), text("z")),)), False),
        (Access(tokens=(TokenName(None, StringMatch("exact", "ann")),)), True),
        (Access(tokens=(TokenName(StringMatch("exact", "b")),)), False),
        (Access(server_names=text("a.shop")), True),
        (Access(none_of=Access(methods=text("GET"))), False),
    ],
)
def test_a_rule_is_about_what_all_its_lists_hold(when: Access, holds: bool) -> None:
    policy = CheckPolicy((CheckRule(when, allow=Allow()),))
    assert isinstance(decide(policy, ASKED), Allow) is holds


def test_the_first_rule_decides_and_then_what_is_otherwise() -> None:
    first, second = Deny(401), Deny(402)
    rules = (CheckRule(Access(methods=text("PUT")), deny=first), CheckRule(deny=second))
    assert decide(CheckPolicy(rules), ASKED) is second
    open_ = CheckPolicy(rules[:1], otherwise=CheckRule(allow=Allow()))
    assert decide(open_, ASKED) == Allow()


@pytest.mark.parametrize(
    ("said", "decision"), [(True, Allow()), (False, Deny()), (None, Deny()), (Deny(401), Deny(401))]
)
def test_a_function_may_say_it_shortly(said: Any, decision: Allow | Deny) -> None:
    assert settled(CheckPolicy(), said, ASKED) == decision


def test_what_is_no_decision_is_an_error() -> None:
    with pytest.raises(TypeError, match="got int"):
        settled(CheckPolicy(), 1, ASKED)


def test_another_policy_has_another_name() -> None:
    assert CheckPolicy().name == CheckPolicy().name
    assert CheckPolicy().name != CheckPolicy(otherwise=CheckRule(allow=Allow())).name
