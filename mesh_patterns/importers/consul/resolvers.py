"""service-resolver, as far as it says how a service's hosts are chosen and reached.

https://developer.hashicorp.com/consul/docs/connect/config-entries/service-resolver
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.consul import subsets
from mesh_patterns.importers.consul.chain import ELSEWHERE
from mesh_patterns.importers.consul.world import Source
from mesh_patterns.importers.fields import elements, needed, text
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
_KNOWN = (
    "defaultSubset", "subsets", "redirect", "failover", "connectTimeout", "requestTimeout",
    "loadBalancer",
)  # fmt: skip
_POLICIES = {
    "random": "random",
    "round_robin": "round_robin",
    "least_request": "least_request",
    "ring_hash": "ring_hash",
    "maglev": "maglev",
}
_SIZES = {"minimumRingSize": "minimum_ring_size", "maximumRingSize": "maximum_ring_size"}
_HASHED = {"header": "header", "cookie": "cookie", "query_parameter": "query"}


def check(source: Source) -> None:
    """Tell what is not known of a resolver; subsets of a service that no file has become versions
    in their order.
    """
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    redirect = spec.get("redirect") or Node(None, spec.place)
    source.notes.leftovers(redirect, ("service", "serviceSubset"), source.owner, "redirect.")
    named = spec.get("subsets") or Node(None, spec.place)
    entry = _entry(source)
    if entry is None and named.value and not source.world.catalog.described:
        entry = source.service(Node(source.object.name, source.object.place))
    for name, node in named.items():
        source.notes.leftovers(node, ("filter",), source.owner, "subsets.")
        if entry is not None and entry.invented:
            subsets.versions(entry, name, node, source.world)


def patterns(source: Source) -> Iterator[Node]:
    """Load balancing, failover and how long a connection may take to be there."""
    spec, entry = source.object.spec, _entry(source)
    if entry is None:
        return
    balancer = spec.get("loadBalancer")
    if balancer is not None and balancer.value:
        yield _balancing(entry.name, balancer, source)
    connect = spec.get("connectTimeout")
    if connect is not None and connect.value:
        fields: Made = {"pattern": "connection_pool", "on": entry.name, "connect_timeout": connect}
        yield Node.of(fields, connect.key or connect.place)
    yield from _failover(spec, entry, source)


def _entry(source: Source) -> Entry | None:
    return source.world.catalog.lookup(source.object.name, source.object.namespace)


def _balancing(on: str, node: Node, source: Source) -> Node:
    known = ("policy", "ringHashConfig", "leastRequestConfig", "hashPolicies")
    source.notes.leftovers(node, known, source.owner, "loadBalancer.")
    policy = text(node, "policy", "round_robin")
    if policy not in _POLICIES:
        place = (node.get("policy") or node).place
        raise DocumentError.at(place, f"unknown policy {policy!r}{suggest(policy, _POLICIES)}")
    made: Made = {"pattern": "load_balancing", "on": on, "policy": _POLICIES[policy]}
    ring, least = node.get("ringHashConfig"), node.get("leastRequestConfig")
    for theirs, ours in _SIZES.items() if ring is not None and policy == "ring_hash" else ():
        assert ring is not None
        if (size := ring.get(theirs)) is not None and size.value:
            made[ours] = size
    count = least.get("choiceCount") if least is not None else None
    if count is not None and count.value and policy == "least_request":
        made["choice_count"] = count
    keys = [_key(each, source) for each in elements(node, "hashPolicies")]
    if policy in ("ring_hash", "maglev"):
        made["hash"] = keys or [{"source_ip": True}]
        if not keys:
            source.approximate("a hash of nothing: of the caller's address", node)
    return Node.of(made, node.key or node.place)


def _key(node: Node, source: Source) -> Made:
    known = ("field", "fieldValue", "cookieConfig", "sourceIP")
    source.notes.leftovers(node, known, source.owner, "hashPolicies.")
    if (address := node.get("sourceIP")) is not None and address.value is True:
        return {"source_ip": True}
    kind = needed(node, "field", "a hash policy")
    if kind.text() not in _HASHED:
        message = f"unknown field {kind.text()!r}{suggest(kind.text(), _HASHED)}"
        raise DocumentError.at(kind.place, message)
    made: Made = {_HASHED[kind.text()]: needed(node, "fieldValue", "a hash policy")}
    cookie = node.get("cookieConfig")
    if cookie is not None and cookie.value and kind.value == "cookie":
        session = cookie.get("session")
        made["ttl"] = "0s" if session is not None and session.value is True else cookie.get("ttl")
        if (path := cookie.get("path")) is not None and path.value and made["ttl"] is not None:
            made["path"] = path
    return {name: item for name, item in made.items() if item is not None}


def _failover(spec: Node, entry: Entry, source: Source) -> Iterator[Node]:
    failover = spec.get("failover")
    if failover is None or not failover.value:
        return
    default = text(spec, "defaultSubset")
    plan = failover.get(default) or failover.get("*")
    for name, node in failover.items():
        if node is not plan:
            source.skip(f"failover of subset {name!r}, which is not the default one", node)
    if plan is None:
        return
    order, others = _plan(plan, spec, entry, source)
    made: Made = {"pattern": "failover", "on": entry.name}
    if order:
        made["order"] = [*_versions(default, spec, entry, source), *order]
    if others:
        made["to"] = others
    if order or others:
        told = "failover: when a passiveHealthCheck takes hosts out, not by health checks of agents"
        source.approximate(told, plan)
        yield Node.of(made, plan.key or plan.place)


def _plan(
    plan: Node, spec: Node, entry: Entry, source: Source
) -> tuple[list[str], list[str | Node]]:
    """Versions of the service itself, and other services, in their order."""
    order: list[str] = []
    others: list[str | Node] = []
    known = ("service", "serviceSubset", "targets")
    source.notes.leftovers(plan, known, source.owner, "failover.")
    for node in elements(plan, "targets") or (plan,):
        if node is not plan:
            source.notes.leftovers(node, known, source.owner, "targets.")
        given, subset = node.get("service"), text(node, "serviceSubset")
        if any(text(node, name) for name in ELSEWHERE):
            continue
        if given is None or given.value in (None, "", source.object.name):
            order += _versions(subset, spec, entry, source) if subset else []
        else:
            others += _others(given, subset, source)
    return order, others


def _versions(subset: str, spec: Node, entry: Entry, source: Source) -> Sequence[str]:
    named = spec.get("subsets")
    node = named.get(subset) if named is not None else None
    if not subset or node is None:
        return []
    return [name for name in subsets.versions(entry, subset, node, source.world) if name]


def _others(given: Node, subset: str, source: Source) -> Iterator[str | Node]:
    entry = source.service(given)
    theirs = source.world.resolvers.get(given.text())
    if not subset or theirs is None:
        yield entry.name
        return
    for name in _versions(subset, theirs.object.spec, entry, source):
        yield f"{entry.name}/{name}"
