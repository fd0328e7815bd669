"""Authorization as Envoy's RBAC filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rbac_filter
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from mesh_patterns.compile.filters import claims
from mesh_patterns.compile.values import header_matcher, string_matcher
from mesh_patterns.policy import ANYBODY, Access, Authorization
from mesh_yaml.matching import StringMatch
from xds_server.protos import core, matcher, rbac, rbac_filter

T = TypeVar("T")

_ACTIONS = {"allow": rbac.RbacAction.ALLOW, "deny": rbac.RbacAction.DENY}


def message(meaning: Authorization) -> rbac_filter.Rbac:
    """The filter's configuration."""
    rules = policies(meaning)
    return (
        rbac_filter.Rbac(shadow_rules=rules) if meaning.dry_run else rbac_filter.Rbac(rules=rules)
    )


def policies(meaning: Authorization) -> rbac.Rbac:
    """Its rules. A policy's name, which Envoy logs, is its rule's number."""
    return rbac.Rbac(
        action=_ACTIONS[meaning.action],
        policies={f"{meaning.action}[{i}]": _policy(rule) for i, rule in enumerate(meaning.rules)},
    )


def _policy(access: Access) -> rbac.Policy:
    return rbac.Policy(
        permissions=[_all_permissions(_permissions(access))],
        principals=[_all_principals(_principals(access))],
    )


def _permissions(access: Access) -> Iterable[rbac.Permission]:
    """What is asked for; each of these must hold."""
    yield from _asked(access)
    for excluded in _asked(access.none_of) if access.none_of else ():
        yield rbac.Permission(not_rule=excluded)


def _asked(access: Access) -> Iterable[rbac.Permission]:
    if access.methods:
        yield _any_permission(_header(":method", match) for match in access.methods)
    if access.paths:
        yield _any_permission(path for match in access.paths for path in _paths(match))
    if access.hosts:
        yield _any_permission(_host(match) for match in access.hosts)
    for name, match in access.headers:
        yield _header(name, match)
    if access.server_names:
        yield _any_permission(map(_server_name, access.server_names))


def _principals(access: Access) -> Iterable[rbac.Principal]:
    """Who asks; each of these must hold."""
    yield from _asking(access)
    for excluded in _asking(access.none_of) if access.none_of else ():
        yield rbac.Principal(not_id=excluded)


def _asking(access: Access) -> Iterable[rbac.Principal]:
    if access.principals:
        yield _any_principal(map(_known, access.principals))
    if access.names:
        yield _any_principal(map(_named, access.names))
    yield from claims.principals(access)
    if access.ip_blocks:
        yield _any_principal(
            rbac.Principal(direct_remote_ip=_range(block)) for block in access.ip_blocks
        )
    if access.remote_ip_blocks:
        yield _any_principal(
            rbac.Principal(remote_ip=_range(block)) for block in access.remote_ip_blocks
        )


def _known(name: str) -> rbac.Principal:
    """By the certificate, of which a caller without one has none."""
    named = None if name == ANYBODY else _exact(name)
    return rbac.Principal(authenticated=rbac.PrincipalAuthenticated(principal_name=named))


def _named(match: StringMatch) -> rbac.Principal:
    """By how the name in the certificate looks; ``present``: whoever has one."""
    name = None if match.kind == "present" else string_matcher(match)
    found = rbac.Principal(authenticated=rbac.PrincipalAuthenticated(principal_name=name))
    return rbac.Principal(not_id=found) if match.invert else found


def _server_name(match: StringMatch) -> rbac.Permission:
    kind = StringMatch("regex", ".+") if match.kind == "present" else match
    found = rbac.Permission(requested_server_name=string_matcher(kind))
    return rbac.Permission(not_rule=found) if match.invert else found


def _header(name: str, match: StringMatch) -> rbac.Permission:
    return rbac.Permission(header=header_matcher(name, match))


def _host(match: StringMatch) -> rbac.Permission:
    """The case of a host means nothing, and nobody gets around a rule by another one."""
    found = header_matcher(":authority", match)
    if found.string_match is not None and match.kind != "regex":
        found.string_match.ignore_case = True
    return rbac.Permission(header=found)


def _paths(match: StringMatch) -> Iterable[rbac.Permission]:
    """Envoy's path matcher has no prefix of whole segments: a path itself, or what is in it."""
    kinds = [match]
    if match.kind == "separated_prefix":
        kinds = [StringMatch("exact", match.text), StringMatch("prefix", f"{match.text}/")]
    for each in kinds:
        yield rbac.Permission(url_path=matcher.PathMatcher(path=string_matcher(each)))


def _exact(text: str) -> matcher.StringMatcher:
    return matcher.StringMatcher(exact=text)


def _range(block: str) -> core.CidrRange:
    network = ipaddress.ip_network(block)
    return core.CidrRange(address_prefix=str(network.network_address), prefix_len=network.prefixlen)


def _all_permissions(found: Iterable[rbac.Permission]) -> rbac.Permission:
    rules = list(found) or [rbac.Permission(any=True)]
    return _joined(rules, lambda: rbac.Permission(and_rules=rbac.PermissionSet(rules=rules)))


def _any_permission(found: Iterable[rbac.Permission]) -> rbac.Permission:
    rules = list(found)
    return _joined(rules, lambda: rbac.Permission(or_rules=rbac.PermissionSet(rules=rules)))


def _all_principals(found: Iterable[rbac.Principal]) -> rbac.Principal:
    return claims.all_of(list(found) or [rbac.Principal(any=True)])


def _any_principal(found: Iterable[rbac.Principal]) -> rbac.Principal:
    return claims.any_of(list(found))


def _joined(parts: Sequence[T], together: Callable[[], T]) -> T:
    """One stands for itself, several stand together."""
    return parts[0] if len(parts) == 1 else together()
