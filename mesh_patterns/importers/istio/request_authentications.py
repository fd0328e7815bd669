"""RequestAuthentication: whose tokens are believed. Who brings none passes, who brings a bad one
gets 401; what somebody may do with a token is an AuthorizationPolicy's to say.

All that is said of a workload, by name, by namespace or for the mesh, holds together. No keys are
fetched from outside: where they are not in the files, the issuer is one for tests, which everybody
may sign for.
https://istio.io/latest/docs/reference/config/security/request_authentication/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.istio.workloads import Choice, before, choice
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node

_KNOWN = ("selector", "targetRef", "targetRefs", "jwtRules")
_ISSUER = frozenset(
    {
        "issuer", "audiences", "jwks", "jwksUri", "jwks_uri", "fromHeaders", "fromParams",
        "fromCookies", "forwardOriginalToken", "outputClaimToHeaders", "outputPayloadToHeader",
        "timeout", "spaceDelimitedClaims",
    }
)  # fmt: skip
_TAKEN = {
    "issuer": "issuer", "audiences": "audiences", "fromParams": "from_params",
    "fromCookies": "from_cookies", "forwardOriginalToken": "forward",
    "outputPayloadToHeader": "payload_header",
}  # fmt: skip
_SPACED = frozenset({"scope", "permission"})  # claims of several words, of Istio and of ours

Made = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issuers:
    """A policy: whom it stands before, and the issuers that it names, by name."""

    source: Source
    choice: Choice
    issuers: tuple[tuple[str, Node], ...]


def read(source: Source) -> Issuers:
    """What a policy says.

    Raises:
        DocumentError: a rule has no issuer.
    """
    source.notes.leftovers(source.object.spec, _KNOWN, source.owner)
    rules = source.list("jwtRules")
    found = tuple(
        (needed(rule, "issuer", "a rule").text(), _issuer(rule, source)) for rule in rules
    )
    return Issuers(source, choice(source), found)


def patterns(found: Sequence[Issuers], world: World) -> Iterator[Node]:
    """Who looks at tokens: workloads, and the ingress."""
    for entry in world.catalog.entries.values():
        for on, mine in before(entry, found, lambda each: each.choice, world.catalog):
            yield from _pattern(on, mine)
    at_ingress = [each for each in found if each.choice.ingress]
    if any(entry.ingress for entry in world.catalog.entries.values()):
        yield from _pattern(f"{INGRESS} -> *", at_ingress)


def _pattern(on: str, found: Sequence[Issuers]) -> Iterator[Node]:
    issuers: dict[str, Node] = {}
    for each in found:
        for name, node in each.issuers:
            first = issuers.setdefault(name, node)
            if first is not node:
                again = f"issuer {name!r} is at {first.place} already: this one is left out"
                each.source.notes.warn(node.place, again)
    if issuers:
        fields: Made = {"issuers": [*issuers.values()], "rules": [{"token": "optional"}]}
        yield pattern("jwt", on, fields, Node(None, found[0].source.object.place))


def _issuer(rule: Node, source: Source) -> Node:
    source.notes.leftovers(rule, _ISSUER, source.owner, "jwtRules.")
    given = ((ours, rule.get(theirs)) for theirs, ours in _TAKEN.items())
    made: Made = {ours: node for ours, node in given if node is not None and node.value}
    headers = elements(rule, "fromHeaders")
    if headers:
        made["from_headers"] = {
            needed(each, "name", "a header").text(): text(each, "prefix") for each in headers
        }
    claims = elements(rule, "outputClaimToHeaders")
    if claims:
        made["claim_headers"] = {
            needed(each, "header", "a claim").text(): needed(each, "claim", "a claim")
            for each in claims
        }
    _tell_spaced(elements(rule, "spaceDelimitedClaims"), source)
    return Node.of(made | _keys(rule, source), rule.place)


def _tell_spaced(claims: Iterable[Node], source: Source) -> None:
    for claim in claims:
        if claim.text() not in _SPACED:
            source.skip(f"jwtRules.spaceDelimitedClaims: {claim.text()}", claim)


def _keys(rule: Node, source: Source) -> Made:
    """The issuer's keys: those in the file, of a service that runs here, or ours for tests."""
    inline = rule.get("jwks")
    if inline is not None and inline.value:
        return {"jwks": inline}
    uri = rule.get("jwksUri") or rule.get("jwks_uri")
    if uri is None or not uri.value:
        source.approximate(_told("no keys in the files"), needed(rule, "issuer", "a rule"))
        return {"test": True}
    served = _served(uri, source.world.catalog, source.object.namespace)
    if served is None:
        source.approximate(_told("jwksUri is not fetched"), uri)
        return {"test": True}
    timeout = rule.get("timeout")
    more = {"timeout": timeout if timeout is not None and timeout.value else "5s"}
    return {"jwks_from": Node.of(served | more, uri.place)}


def _told(why: str) -> str:
    return f"{why}: an issuer for tests instead, for which 'meshloom token' signs"


def _served(uri: Node, catalog: Catalog, namespace: str) -> Made | None:
    """The service of the mesh that a key set is of, if a program of its own serves it."""
    try:
        parts = urlsplit(uri.text())
        host = parts.hostname or ""
    except ValueError:
        return None
    entry = catalog.lookup(host, namespace)
    if entry is None or not (entry.own or any(v.run for v in entry.variants.values())):
        return None
    return {"service": Node(entry.name, uri.place), "path": Node(parts.path or "/", uri.place)}
