"""Whether authorizations let a request through, as Envoy sees it. No I/O."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from mesh_patterns.draft import Draft, Match
from mesh_patterns.evaluate import path_holds
from mesh_patterns.placement import HOST
from mesh_patterns.policy import ANYBODY, Access, Authorization, Claim, TokenName
from mesh_traffic import Request
from mesh_yaml.matching import StringMatch


def guards(draft: Draft, service: str) -> Iterator[tuple[Authorization, str | None]]:
    """What stands in front of a service and looks at its requests, and of which of its versions;
    ``None``: of all.
    """
    for each in draft.filters_before(service):
        if each.kind == "authorization" and each.layer == "http" and each.inbound:
            yield each.config, each.inbound.version


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: ``principal`` is the name in its certificate, ``claims`` those of a token that was
    found good, ``server_name`` for whom it asked in TLS.
    """

    principal: str = ""
    address: str = HOST
    claims: Mapping[str, Any] = field(default_factory=dict)
    server_name: str = ""


def admits(guard: Authorization, request: Request, caller: Caller) -> bool:
    """Whether a request gets past one of them."""
    if guard.dry_run:
        return True
    found = any(access_holds(rule, request, caller) for rule in guard.rules)
    return found == (guard.action == "allow")


def access_holds(access: Access, request: Request, caller: Caller) -> bool:
    """Whether a rule is about a request."""
    excluded = access.none_of is not None and any(_lists(access.none_of, request, caller))
    asked = all(m.any_holds(request.headers.get_all(name)) for name, m in access.headers)
    return asked and not excluded and all(_lists(access, request, caller))


def _lists(access: Access, request: Request, caller: Caller) -> Iterator[bool]:
    """What becomes of each list that says something; of a list one is enough."""
    yield from _who(access, caller)
    if access.methods:
        yield any(match.any_holds([request.method]) for match in access.methods)
    if access.paths:
        yield any(path_holds(match, request.path) for match in access.paths)
    if access.hosts:
        yield any(_host_holds(match, request.authority) for match in access.hosts)


def _who(access: Access, caller: Caller) -> Iterator[bool]:
    known = caller.principal
    if access.principals:
        yield known in access.principals or (ANYBODY in access.principals and bool(known))
    if access.names:
        yield bool(known) and any(match.any_holds([known]) for match in access.names)
    for blocks in (access.ip_blocks, access.remote_ip_blocks):
        if blocks:
            yield any(_within(block, caller.address) for block in blocks)
    if access.server_names:
        yield any(match.any_holds([caller.server_name]) for match in access.server_names)
    if access.tokens:
        yield any(_token_holds(name, caller.claims) for name in access.tokens)
    for path, matches in access.claims:
        values = _claim(caller.claims, path)
        yield any(match.any_holds(values) for match in matches)


def _token_holds(name: TokenName, claims: Mapping[str, Any]) -> bool:
    """A token always has an issuer and a subject where somebody asks for them."""
    parts = ((name.issuer, ("iss",)), (name.subject, ("sub",)))
    found = ((match, _claim(claims, path)) for match, path in parts)
    return all(bool(values) and (not m or m.any_holds(values)) for m, values in found)


def _claim(claims: Mapping[str, Any], path: Claim) -> list[str]:
    """The texts of a claim: of a list, each; none where there is none."""
    found: Any = claims
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    return [as_text(value) for value in values if isinstance(value, str | bool | int | float)]


def as_text(value: str | bool | float) -> str:
    """A claim's value as a match is written: ``true``, ``3``."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _host_holds(match: StringMatch, host: str) -> bool:
    """In any case, but where an expression says it itself."""
    if match.kind == "regex":
        return match.any_holds([host])
    return replace(match, text=match.text.lower()).any_holds([host.lower()])


def _within(block: str, address: str) -> bool:
    """Who comes by a Unix socket has no address."""
    if not address:
        return False
    network, found = _network(block), ipaddress.ip_address(address)
    return found.version == network.version and found in network


@lru_cache(maxsize=1024)
def _network(block: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(block)


def names_others(access: Access) -> bool:
    """Whether a rule looks at what nobody of the mesh brings by himself."""
    return bool(access.names or access.tokens or access.claims or access.server_names) or (
        access.none_of is not None and names_others(access.none_of)
    )


def as_match(access: Access) -> Match:
    """A match that an example of a rule can be made of: the first of each list."""
    return Match(
        path=access.paths[0] if access.paths else None,
        method=access.methods[0] if access.methods else None,
        authority=access.hosts[0] if access.hosts else None,
        headers=access.headers,
    )
