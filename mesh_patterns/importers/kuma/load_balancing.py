"""MeshLoadBalancingStrategy. https://kuma.io/docs/latest/policies/meshloadbalancingstrategy/"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.kuma.taken import leftovers, taken
from mesh_patterns.importers.kuma.world import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

_POLICIES = {
    "RoundRobin": ("round_robin", "roundRobin"), "LeastRequest": ("least_request", "leastRequest"),
    "RingHash": ("ring_hash", "ringHash"), "Random": ("random", "random"),
    "Maglev": ("maglev", "maglev"),
}  # fmt: skip
_OPTIONS = {
    "choiceCount": "choice_count", "minRingSize": "minimum_ring_size",
    "maxRingSize": "maximum_ring_size", "tableSize": "table_size",
}  # fmt: skip
_KEYS = {"Header": ("header", "name"), "QueryParameter": ("query", "name")}


def check(conf: Node, source: Source) -> None:
    """Tell what is left out of it."""
    leftovers(conf, ("loadBalancer", "hashPolicies"), source)
    balancer = conf.get("loadBalancer") or Node(None, conf.place)
    leftovers(balancer, ("type", *(part for _, part in _POLICIES.values())), source)
    for _, part in _POLICIES.values():
        options = balancer.get(part) or Node(None, conf.place)
        leftovers(options, (*_OPTIONS, "hashPolicies"), source, f"{part}.")
        for each in elements(options, "hashPolicies"):
            _tell(each, source)
    for each in elements(conf, "hashPolicies"):
        _tell(each, source)


def _tell(policy: Node, source: Source) -> None:
    terminal = policy.get("terminal")
    if terminal is not None and terminal.value is True:
        source.approximate("hashPolicies.terminal: what follows counts too", terminal)
    if text(policy, "type") == "FilterState":
        source.skip("hashPolicies of a FilterState", policy)


def fields(conf: Node) -> dict[str, Any]:
    """Which host is taken.

    Raises:
        DocumentError: by an algorithm, or by what of a request, that there is not.
    """
    balancer = conf.get("loadBalancer")
    if balancer is None or balancer.value is None:
        return {}
    kind = needed(balancer, "type", "a loadBalancer")
    known = _POLICIES.get(kind.text())
    if known is None:
        message = f"unknown type {kind.text()!r}{suggest(kind.text(), _POLICIES)}"
        raise DocumentError.at(kind.place, message)
    policy, part = known
    options = balancer.get(part) or Node(None, balancer.place)
    made: dict[str, Any] = {"policy": Node(policy, kind.place), **taken(options, _OPTIONS)}
    if policy in ("ring_hash", "maglev"):
        given = elements(options, "hashPolicies") or elements(conf, "hashPolicies")
        keys = [key for each in given if (key := _key(each))]
        # without any, Envoy hashes nothing: as if it were by chance
        return made | {"hash": keys} if keys else {"policy": Node("random", kind.place)}
    return made


def _key(node: Node) -> dict[str, Any] | None:
    kind = needed(node, "type", "a hashPolicy").text()
    if kind in _KEYS:
        ours, name = _KEYS[kind]
        part = node.get(kind[0].lower() + kind[1:]) or node
        return {ours: needed(part, name, f"a hashPolicy by {kind}")}
    if kind == "Cookie":
        part = node.get("cookie") or node
        name_ = needed(part, "name", "a hashPolicy by Cookie")
        return {"cookie": name_, **taken(part, {"ttl": "ttl", "path": "path"})}
    if kind in ("SourceIP", "Connection"):
        return {"source_ip": True}
    if kind == "FilterState":
        return None
    known = (*_KEYS, "Cookie", "SourceIP", "Connection")
    raise DocumentError.at(node.find("type").place, f"unknown type {kind!r}{suggest(kind, known)}")
