"""The RBAC filter: who may do what. https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/rbac/v3/rbac.proto

Of a policy, one permission and one principal must hold. What is not read here (CEL, metadata,
filter state, matchers of extensions) is unknown, and so may be what follows from it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace as changed

from debugger.explain.filters.verdict import Passing, Verdict, all_of, any_of, inverted
from debugger.routing.conditions.texts import string_match

DETAILS = "rbac_access_denied_matched_policy"  # and the policy in brackets, "none" for none
DENIED = 403
MAX_DEPTH = 50  # of conditions in conditions
_DENY, _LOG = 1, 2  # of RBAC.Action


Holds = bool | None


def judge(config: Any, passing: Passing) -> Verdict:
    """From ``envoy.extensions.filters.http.rbac.v3.RBAC``."""
    if config.HasField("matcher"):
        return changed(_open("a matcher tree decides, which is not read here"), details=(DETAILS,))
    if not config.HasField("rules"):
        shadow = config.HasField("shadow_rules") or config.HasField("shadow_matcher")
        why = "it only counts what it would deny" if shadow else "it has no rules"
        return Verdict("", "", True, why)
    rules = config.rules
    if rules.action == _LOG:
        return Verdict("", "", True, "it only logs")
    found = {name: _policy(rules.policies[name], passing) for name in sorted(rules.policies)}
    if rules.action == _DENY:
        return changed(_denying(found), details=tuple(f"{DETAILS}[{name}]" for name in found))
    return changed(_allowing(found), details=(f"{DETAILS}[none]",))


def _open(why: str) -> Verdict:
    return Verdict("", "", None, why, status=DENIED)


def _denying(found: Mapping[str, Holds]) -> Verdict:
    name = next((name for name, holds in found.items() if holds), "")
    if name:
        why = f"denied by {name}"
        sure = not any(holds is None for each, holds in found.items() if each < name)
        policy = name if sure else ""
        return Verdict("", "", False, why, status=DENIED, policy=policy)
    if None in found.values():
        return _open(f"what {_unknown(found)} asks for is not known here")
    return Verdict("", "", True, f"none of {_count(found)} denies it")


def _allowing(found: Mapping[str, Holds]) -> Verdict:
    name = next((name for name, holds in found.items() if holds), "")
    if name:
        return Verdict("", "", True, f"allowed by {name}")
    if None in found.values():
        return _open(f"what {_unknown(found)} asks for is not known here")
    why = f"none of {_count(found)} allows it"
    return Verdict("", "", False, why, status=DENIED, policy="none")


def _count(found: Mapping[str, Holds]) -> str:
    return f"{len(found)} rule{'' if len(found) == 1 else 's'}"


def _unknown(found: Mapping[str, Holds]) -> str:
    return " and ".join(name for name, holds in found.items() if holds is None)


def _policy(policy: Any, passing: Passing) -> Holds:
    asked: Holds = any_of([_permission(each, passing, 0) for each in policy.permissions])
    who: Holds = any_of([_principal(each, passing, 0) for each in policy.principals])
    conditional = policy.HasField("condition") or policy.HasField("checked_condition")
    return all_of([asked, who, None if conditional else True])


def _permission(rule: Any, passing: Passing, depth: int) -> Holds:
    return _rule(rule, "rule", _PERMISSIONS, passing, depth)


def _principal(rule: Any, passing: Passing, depth: int) -> Holds:
    return _rule(rule, "identifier", _PRINCIPALS, passing, depth)


Test = Callable[[Any, Passing, int], Holds]


def _rule(rule: Any, oneof: str, table: Mapping[str, Test], passing: Passing, depth: int) -> Holds:
    kind = rule.WhichOneof(oneof)
    test = table.get(kind)
    if test is None or depth > MAX_DEPTH:
        return None
    return test(getattr(rule, kind), passing, depth + 1)


def _path(matcher: Any, passing: Passing, depth: int) -> Holds:
    """Without the query, and without a fragment."""
    if passing.unsure.of(":path"):
        return None
    found = string_match(matcher.path)
    return None if found.holds is None else found.holds(passing.arrival.path)


def _header(matcher: Any, passing: Passing, depth: int) -> Holds:
    if matcher.name == ":path" and passing.unsure.of(":path"):
        return None
    return passing.header(matcher).holds


def _inside(block: Any, address: str | None) -> Holds:
    if not address:
        return None
    try:
        network = ipaddress.ip_network(
            f"{block.address_prefix}/{block.prefix_len.value}", strict=False
        )
        return ipaddress.ip_address(address) in network
    except ValueError:
        return None


def _authenticated(told: Any, passing: Passing, depth: int) -> Holds:
    if passing.tls is False:
        return False
    if passing.principals is None:
        return None
    if not told.HasField("principal_name"):
        return True
    found = string_match(told.principal_name)
    return None if found.holds is None else any(map(found.holds, passing.principals))


def _port(port: int, passing: Passing, depth: int) -> Holds:
    return None if passing.local_port is None else passing.local_port == port


def _direct(block: Any, passing: Passing, depth: int) -> Holds:
    return _inside(block, passing.peer)


def _remote(block: Any, passing: Passing, depth: int) -> Holds:
    return _inside(block, passing.remote)


_BOTH: Mapping[str, Test] = {
    "any": lambda rule, passing, depth: True,
    "header": _header,
    "url_path": _path,
}
_PERMISSIONS: Mapping[str, Test] = {
    **_BOTH,
    "and_rules": lambda rule, it, depth: all_of([_permission(e, it, depth) for e in rule.rules]),
    "or_rules": lambda rule, it, depth: any_of([_permission(e, it, depth) for e in rule.rules]),
    "not_rule": lambda rule, it, depth: inverted(_permission(rule, it, depth)),
    "destination_port": _port,
}
_PRINCIPALS: Mapping[str, Test] = {
    **_BOTH,
    "and_ids": lambda rule, it, depth: all_of([_principal(each, it, depth) for each in rule.ids]),
    "or_ids": lambda rule, it, depth: any_of([_principal(each, it, depth) for each in rule.ids]),
    "not_id": lambda rule, it, depth: inverted(_principal(rule, it, depth)),
    "authenticated": _authenticated,
    "direct_remote_ip": _direct,
    "source_ip": _direct,
    "remote_ip": _remote,
}
