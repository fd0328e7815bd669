"""The RBAC filter: who is let through, and where nobody can say."""

from __future__ import annotations

from typing import Any

import pytest

from debugger.explain.arriving.asked import SURE, Unsure
from debugger.explain.filters.access import judge
from debugger.explain.filters.verdict import Passing, Verdict
from debugger.routing.arriving.arrival import Arrival
from mesh_traffic import Headers, Request
from xds_server.mirror import parse, serialize
from xds_server.protos import core, matcher, rbac, rbac_filter, route

DENY, ALLOW = rbac.RbacAction.DENY, rbac.RbacAction.ALLOW
ANY = rbac.Principal(any=True)
EVERYTHING = rbac.Permission(any=True)


def text(value: str) -> matcher.StringMatcher:
    return matcher.StringMatcher(exact=value)


def header(name: str, value: str) -> route.HeaderMatcher:
    return route.HeaderMatcher(name=name, string_match=text(value))


def path(value: str) -> rbac.Permission:
    return rbac.Permission(url_path=matcher.PathMatcher(path=text(value)))


def policy(permission: rbac.Permission = EVERYTHING, principal: rbac.Principal = ANY) -> Any:
    return rbac.Policy(permissions=[permission], principals=[principal])


def passing(
    target: str = "/x", headers: dict[str, str] | None = None, unsure: Unsure = SURE, **more: Any
) -> Passing:
    request = Request("GET", target, "api", headers=Headers.of(headers or {}))
    return Passing(Arrival(request), unsure, **more)


def judged(action: rbac.RbacAction, of: Passing, **policies: Any) -> Verdict:
    rules = rbac.Rbac(action=action, policies=policies)
    message = serialize(rbac_filter.Rbac(rules=rules))
    return judge(parse(rbac_filter.Rbac, message), of)


def test_an_allowing_filter_wants_one_rule_that_holds() -> None:
    found = judged(ALLOW, passing(), a=policy(path("/y")), b=policy(path("/x")))
    assert (found.passes, found.why) == (True, "allowed by b")
    found = judged(ALLOW, passing("/z"), a=policy(path("/y")), b=policy(path("/x")))
    assert (found.passes, found.policy, found.status) == (False, "none", 403)
    assert found.why == "none of 2 rules allows it"


def test_a_denying_filter_names_the_first_rule_that_holds() -> None:
    both = {"b": policy(path("/x")), "a": policy(path("/x"))}
    found = judged(DENY, passing(), **both)
    assert (found.passes, found.policy) == (False, "a")
    assert judged(DENY, passing("/y"), **both).passes is True


def test_the_path_is_without_its_query() -> None:
    assert judged(DENY, passing("/x?y#z"), a=policy(path("/x"))).passes is False


def test_what_was_not_captured_is_open() -> None:
    rule = policy(rbac.Permission(header=header("x-role", "admin")))
    assert judged(ALLOW, passing(headers={"x-role": "admin"}), a=rule).passes is True
    unsure = SURE.also(["x-role"], "because")
    found = judged(ALLOW, passing(unsure=unsure), a=rule)
    assert (found.passes, found.why) == (None, "what a asks for is not known here")
    assert judged(DENY, passing(unsure=unsure), a=rule).passes is None
    assert (
        judged(DENY, passing(unsure=SURE.also([":path"], "so")), a=policy(path("/x"))).passes
        is None
    )


def test_one_that_surely_holds_is_enough_beside_what_is_open() -> None:
    unsure = SURE.also(["x-role"], "because")
    rules = {
        "a": policy(rbac.Permission(header=header("x-role", "admin"))),
        "b": policy(path("/x")),
    }
    assert judged(ALLOW, passing(unsure=unsure), **rules).passes is True
    found = judged(DENY, passing(unsure=unsure), **rules)
    assert (found.passes, found.policy) == (False, "")  # which of them, nobody can say


def both(*rules: rbac.Permission) -> rbac.Permission:
    return rbac.Permission(and_rules=rbac.PermissionSet(rules=list(rules)))


def either(*rules: rbac.Permission) -> rbac.Permission:
    return rbac.Permission(or_rules=rbac.PermissionSet(rules=list(rules)))


def test_rules_are_put_together() -> None:
    yes, no = path("/x"), path("/y")
    assert judged(ALLOW, passing(), a=policy(both(yes, no))).passes is False
    assert judged(ALLOW, passing(), a=policy(either(yes, no))).passes is True
    assert judged(ALLOW, passing(), a=policy(rbac.Permission(not_rule=no))).passes is True


def named(name: str) -> rbac.Principal:
    return rbac.Principal(authenticated=rbac.PrincipalAuthenticated(principal_name=text(name)))


@pytest.mark.parametrize(
    ("known", "passes"),
    [
        ({"tls": True, "principals": frozenset(["web"])}, True),
        ({"tls": True, "principals": frozenset(["evil"])}, False),
        ({"tls": False}, False),
        ({"tls": True}, None),
        ({}, None),
    ],
)
def test_a_name_is_that_of_the_certificate(known: dict[str, Any], passes: bool | None) -> None:
    assert judged(ALLOW, passing(**known), a=policy(principal=named("web"))).passes is passes


def test_addresses_are_the_peer_s_and_the_client_s() -> None:
    ten = core.CidrRange(address_prefix="10.0.0.0", prefix_len=8)
    direct = policy(principal=rbac.Principal(direct_remote_ip=ten))
    remote = policy(principal=rbac.Principal(remote_ip=ten))
    of = passing(peer="10.1.1.1", remote="192.0.2.1")
    assert judged(ALLOW, of, a=direct).passes is True
    assert judged(ALLOW, of, a=remote).passes is False
    assert judged(ALLOW, passing(), a=direct).passes is None


def test_what_is_not_read_is_open() -> None:
    found = judged(ALLOW, passing(), a=policy(rbac.Permission(requested_server_name=text("x"))))
    assert found.passes is None


def test_one_that_only_looks_lets_all_through() -> None:
    shadow = rbac_filter.Rbac(shadow_rules=rbac.Rbac(action=ALLOW))
    found = judge(parse(rbac_filter.Rbac, serialize(shadow)), passing())
    assert (found.passes, found.why) == (True, "it only counts what it would deny")
    assert judged(rbac.RbacAction.LOG, passing(), a=policy()).passes is True


def test_rules_within_rules_end_somewhere() -> None:
    rule = path("/x")
    for _ in range(60):
        rule = rbac.Permission(not_rule=rule)
    assert judged(ALLOW, passing(), a=policy(rule)).passes is None
