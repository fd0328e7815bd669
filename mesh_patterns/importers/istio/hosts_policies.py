"""How a ``trafficPolicy`` chooses hosts, as the patterns that mean the same, with Istio's defaults:
hosts are not compared with each other, and with few hosts left no others are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh_patterns.importers.istio.settings import Made, taken
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

MAX_EJECTED = 10  # percent, of Istio and of Envoy: of few hosts this is none
CONSECUTIVE = 5  # of Envoy, in force where Istio says nothing

_DETECTORS = {
    "consecutive5xxErrors": "consecutive_5xx",
    "consecutiveGatewayErrors": "consecutive_gateway_failure",
    "consecutiveLocalOriginFailures": "consecutive_local_origin_failure",
}
_TIMES = {"interval": "interval", "baseEjectionTime": "base_ejection_time"}
_OUTLIERS = frozenset(
    {
        *_DETECTORS, *_TIMES, "consecutiveErrors", "splitExternalLocalOriginErrors",
        "maxEjectionPercent", "minHealthPercent",
    }
)  # fmt: skip
_SIMPLE = {
    "ROUND_ROBIN": "round_robin",
    "LEAST_CONN": "least_request",
    "LEAST_REQUEST": "least_request",
    "RANDOM": "random",
    "UNSPECIFIED": "least_request",
}
_BALANCER = frozenset(
    {"simple", "consistentHash", "warmup", "warmupDurationSecs", "localityLbSetting"}
)
_HASHED = {
    "httpHeaderName": "header",
    "httpQueryParameterName": "query",
    "useSourceIp": "source_ip",
}


def pattern(kind: str, on: str, fields: Made, node: Node) -> Node:
    """A pattern of ours, at the line of what it means the same as."""
    made: dict[str, Any] = {"pattern": kind, "on": on, **fields}
    return Node.of(made, node.key or node.place)


def outlier_detection(on: str, outliers: Node, source: Source) -> Iterator[Node]:
    """Who is left out. Five 5xx in a row are enough where ``consecutive5xxErrors`` is not said."""
    source.notes.leftovers(outliers, _OUTLIERS, source.owner, "outlierDetection.")
    found = _detectors(outliers, source)
    if not found:
        message = f"{source.owner}: every detector is 0, so nobody is ever left out"
        source.notes.warn(outliers.place, message)
        return
    found |= taken(outliers, _TIMES)
    limit = outliers.get("maxEjectionPercent")
    known = limit is not None and limit.value
    found["max_ejection_percent"] = limit if known else Node(MAX_EJECTED, outliers.place)
    yield pattern("outlier_detection", on, found, outliers)


def _detectors(outliers: Node, source: Source) -> Made:
    made = taken(outliers, _DETECTORS)
    split = outliers.get("splitExternalLocalOriginErrors")
    if split is None or split.value is not True:
        made.pop("consecutive_local_origin_failure", None)  # it is in force where they are split
    elif "consecutive_local_origin_failure" not in made:
        made["consecutive_local_origin_failure"] = Node(CONSECUTIVE, split.place)
    old = outliers.get("consecutiveErrors")
    if old is not None and old.value and "consecutive_gateway_failure" not in made:
        source.approximate("consecutiveErrors is taken for consecutiveGatewayErrors alone", old)
        made["consecutive_gateway_failure"] = old
    elif "consecutive_5xx" not in made:
        made["consecutive_5xx"] = Node(CONSECUTIVE, outliers.place)
    return {name: node for name, node in made.items() if node.value != 0}


def load_balancing(balancer: Node | None, outliers: Node | None, source: Source) -> Made:
    """How a host is chosen. With an ``outlierDetection`` Istio sets how many have to be left."""
    made: Made = _policy(balancer, source) if balancer is not None else {}
    if outliers is not None:
        least = outliers.get("minHealthPercent")
        made["panic_threshold"] = least if least is not None else Node(0, outliers.place)
    return made


def _policy(balancer: Node, source: Source) -> Made:
    source.notes.leftovers(balancer, _BALANCER, source.owner, "loadBalancer.")
    simple, consistent = balancer.get("simple"), balancer.get("consistentHash")
    if consistent is not None:
        return _consistent(consistent, source)
    if not (simple or balancer.get("warmup") or balancer.get("warmupDurationSecs")):
        return {}
    name = simple.text().upper() if simple is not None and simple.value else "UNSPECIFIED"
    if name not in _SIMPLE:
        source.skip(f"loadBalancer.simple: {name}", simple or balancer)
        return {}
    made: Made = {"policy": Node(_SIMPLE[name], (simple or balancer).place)}
    ramp = _slow_start(balancer)
    if ramp and made["policy"].value != "random":
        made["slow_start"] = ramp
    return made


def _slow_start(balancer: Node) -> Made:
    warmup, seconds = balancer.get("warmup"), balancer.get("warmupDurationSecs")
    if warmup is None:
        return {"window": seconds} if seconds is not None and seconds.value else {}
    names = {
        "duration": "window", "minimumPercent": "minimum_percent", "aggression": "aggression"
    }  # fmt: skip
    return taken(warmup, names)


def _consistent(node: Node, source: Source) -> Made:
    known = (*_HASHED, "httpCookie", "ringHash", "maglev", "minimumRingSize")
    source.notes.leftovers(node, known, source.owner, "consistentHash.")
    keys: list[Made] = [
        {ours: item}
        for theirs, ours in _HASHED.items()
        if (item := node.get(theirs)) is not None and item.value
    ]
    cookie = node.get("httpCookie")
    if cookie is not None:
        keys.append(taken(cookie, {"name": "cookie", "ttl": "ttl"} | _path_of(cookie)))
    if not keys:
        wanted = ", ".join((*_HASHED, "httpCookie"))
        raise DocumentError.at(node.place, f"consistentHash hashes nothing; expected {wanted}")
    return {"hash": keys, **_ring(node)}


def _path_of(cookie: Node) -> dict[str, str]:
    """Envoy makes no cookie without a ``ttl``, so the path says nothing then."""
    return {"path": "path"} if cookie.get("ttl") is not None else {}


def _ring(node: Node) -> Made:
    maglev, ring = node.get("maglev"), node.get("ringHash")
    if maglev is not None:
        return {"policy": "maglev", **taken(maglev, {"tableSize": "table_size"})}
    sizes = ring if ring is not None and ring.get("minimumRingSize") is not None else node
    made: Made = {"policy": "ring_hash", **taken(sizes, {"minimumRingSize": "minimum_ring_size"})}
    if (size := made.get("minimum_ring_size")) is not None and size.value == 0:
        del made["minimum_ring_size"]
    return made
