"""Whether authorizations let a request through, as Envoy sees it. No I/O."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

from mesh_patterns.draft import Draft, Match
from mesh_patterns.evaluate import path_holds
from mesh_patterns.placement import HOST
from mesh_patterns.policy import ANYBODY, Access, Authorization
from mesh_traffic import Request
from mesh_yaml.matching import StringMatch


def guards(draft: Draft, service: str) -> Iterator[tuple[Authorization, str | None]]:
    """What stands in front of a service, and of which of its versions; ``None``: of all."""
    for each in draft.filters:
        if each.kind == "authorization" and each.inbound and each.inbound.service == service:
            yield each.config, each.inbound.version


def admits(guard: Authorization, request: Request, principal: str) -> bool:
    """Whether a request that comes from this machine gets past one of them.

    ``principal`` is the name in its caller's certificate.
    """
    if guard.dry_run:
        return True
    found = any(access_holds(rule, request, principal) for rule in guard.rules)
    return found == (guard.action == "allow")


def access_holds(access: Access, request: Request, principal: str) -> bool:
    """Whether a rule is about a request."""
    excluded = access.none_of is not None and any(_lists(access.none_of, request, principal))
    asked = all(m.any_holds(request.headers.get_all(name)) for name, m in access.headers)
    return asked and not excluded and all(_lists(access, request, principal))


def _lists(access: Access, request: Request, principal: str) -> Iterator[bool]:
    """What becomes of each list that says something; of a list one is enough."""
    if access.principals:
        yield principal in access.principals or (ANYBODY in access.principals and bool(principal))
    tests = (
        (match.any_holds([request.method]) for match in access.methods),
        (path_holds(match, request.path) for match in access.paths),
        (_host_holds(match, request.authority) for match in access.hosts),
        (_within(block) for block in access.ip_blocks),
        (_within(block) for block in access.remote_ip_blocks),
    )
    for found in map(list, tests):
        if found:
            yield any(found)


def _host_holds(match: StringMatch, host: str) -> bool:
    """In any case, but where an expression says it itself."""
    if match.kind == "regex":
        return match.any_holds([host])
    return replace(match, text=match.text.lower()).any_holds([host.lower()])


def _within(block: str) -> bool:
    network = ipaddress.ip_network(block)
    address = ipaddress.ip_address(HOST)
    return address.version == network.version and address in network


def as_match(access: Access) -> Match:
    """A match that an example of a rule can be made of: the first of each list."""
    return Match(
        path=access.paths[0] if access.paths else None,
        method=access.methods[0] if access.methods else None,
        authority=access.hosts[0] if access.hosts else None,
        headers=access.headers,
    )
