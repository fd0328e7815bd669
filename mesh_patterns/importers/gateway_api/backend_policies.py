"""Policies for Services: sessions, budgets of retries, TLS to backends; and sessions of a rule.

https://gateway-api.sigs.k8s.io/geps/gep-1619/ https://gateway-api.sigs.k8s.io/geps/gep-3388/
https://gateway-api.sigs.k8s.io/reference/spec/#backendtlspolicy
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.gateway_api import backends
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.gateway_api.world import Source
from mesh_yaml.node import Node

TRAFFIC = ("XBackendTrafficPolicy", "BackendTrafficPolicy", "BackendLBPolicy")
TLS = "BackendTLSPolicy"
_KNOWN = ("targetRefs", "targetRef", "retryConstraint", "retry", "sessionPersistence")
_SESSION = ("sessionName", "type", "absoluteTimeout", "cookieConfig")
_VALIDATION = ("hostname", "caCertificateRefs", "wellKnownCACertificates", "subjectAltNames")

Made = dict[str, Any]


def traffic(source: Source) -> Iterator[Node]:
    """Sessions and budgets of all who call the Services that a policy is for."""
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    session = spec.get("sessionPersistence")
    constraint = spec.get("retryConstraint") or spec.get("retry")
    for entry in _targets(source):
        if session is not None and session.value is not None:
            yield from _session(entry, session, source)
        if constraint is not None and constraint.value:
            yield _budget(entry, constraint, source)


def tls(source: Source) -> Iterator[Node]:
    """How a Service is called: with TLS of the mesh's own, or from outside as it says."""
    spec = source.object.spec
    source.notes.leftovers(spec, ("targetRefs", "validation"), source.owner)
    validation = needed(spec, "validation", source.owner)
    source.notes.leftovers(validation, _VALIDATION, source.owner, "validation.")
    hostname = needed(validation, "hostname", "a validation")
    for entry in _targets(source):
        if entry.outside is not None:
            entry.outside.originate(Node.of({"sni": hostname}, validation.place))
            continue
        what = "BackendTLSPolicy: TLS with certificates of the mesh's own authority, on both sides"
        source.approximate(what, validation)
        made: Made = {"pattern": "mtls", "on": entry.name, "mode": "permissive"}
        yield Node.of(made, validation.place)


def sessions(routes: Iterable[Route]) -> Iterator[Node]:
    """Those that rules of routes ask for. A session is of a caller and a Service here, so it holds
    for all requests; what two rules want of one Service, the first says.
    """
    taken: dict[str, Node] = {}
    for route in routes:
        for rule in route.source.list("rules"):
            told = rule.get("sessionPersistence")
            for entry in _led(rule, route) if told is not None else ():
                assert told is not None
                first = taken.setdefault(entry.name, told)
                if first is told:
                    what = "sessionPersistence: of all requests to the backends of its rule"
                    route.source.approximate(what, told)
                    yield from _session(entry, told, route.source)
                elif first.plain() != told.plain():
                    message = f"sessions of {entry.name!r} are as at {first.place}: left out"
                    route.source.notes.warn(told.place, message)


def _led(rule: Node, route: Route) -> Iterator[Entry]:
    entries = route.source.world.catalog.entries
    names = (name for ref in elements(rule, "backendRefs") for name in backends.target(ref, route))
    for name in dict.fromkeys(name.partition("/")[0] for name in names):
        yield entries[name]


def _targets(source: Source) -> Iterator[Entry]:
    references: Sequence[Node] = source.list("targetRefs")
    if (single := source.object.spec.get("targetRef")) is not None:
        references = (*references, single)
    for reference in references:
        name, kind = needed(reference, "name", "a targetRef"), text(reference, "kind", "Service")
        found = source.world.catalog.lookup(name.text(), source.object.namespace)
        if kind not in ("Service", "ServiceEntry", "Hostname"):
            source.skip(f"a targetRef to a {kind}", reference)
        elif found is None:
            message = f"no file has the {kind} {name.text()!r}: {source.owner} is for nobody"
            source.notes.warn(name.place, message)
        else:
            if reference.get("sectionName") is not None:
                source.approximate("sectionName: there is one port to a service", reference)
            yield found


def _session(entry: Entry, told: Node, source: Source) -> Iterator[Node]:
    source.notes.leftovers(told, _SESSION, source.owner, "sessionPersistence.")
    if text(told, "type", "Cookie") != "Cookie":
        source.skip(f"sessionPersistence by {text(told, 'type')}", told.find("type"))
        return
    made: Made = {"pattern": "session", "on": entry.name}
    if (name := told.get("sessionName")) is not None:
        made["cookie"] = name
    life = told.get("absoluteTimeout")
    permanent = text(told.find("cookieConfig"), "lifetimeType") == "Permanent"
    if life is not None and permanent:
        made["ttl"] = life
    elif life is not None:
        source.skip("sessionPersistence.absoluteTimeout of a cookie of the session", life)
    yield Node.of(made, told.place)


def _budget(entry: Entry, told: Node, source: Source) -> Node:
    """Of the retries that routes ask for; by itself it asks for none."""
    source.notes.leftovers(told, ("budget", "minRetryRate"), source.owner, "retryConstraint.")
    budget = told.get("budget") or Node(None, told.place)
    made: Made = {
        name: found
        for name in ("percent", "interval")
        if (found := budget.get(name)) is not None and found.value is not None
    }
    rate = told.get("minRetryRate")
    count = rate.get("count") if rate is not None else None
    if rate is not None and count is not None:
        source.approximate("minRetryRate: so many retries may always be under way", rate)
        made["min_concurrency"] = count
    fields: Made = {"pattern": "retries", "on": entry.name, "attempts": 0, "budget": made}
    return Node.of(fields, told.place)
