"""service-defaults and proxy-defaults: what a service speaks, what it may have open to those that
it calls, and extensions of its Envoys.

https://developer.hashicorp.com/consul/docs/connect/config-entries/service-defaults
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.consul import extensions
from mesh_patterns.importers.consul.world import Source, World
from mesh_patterns.importers.fields import elements, needed, text
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
_SERVICE = (
    "protocol", "upstreamConfig", "maxInboundConnections", "rateLimits", "envoyExtensions",
    "destination",
)  # fmt: skip
_UPSTREAM = ("name", "protocol", "connectTimeoutMs", "limits", "passiveHealthCheck")
_SPEAKS = {"tcp": "tcp", "http": "http", "http2": "http", "grpc": "grpc"}
_LIMITS = {
    "maxConnections": "max_connections",
    "maxPendingRequests": "max_pending_requests",
    "maxConcurrentRequests": "max_requests",
}
_HEALTH = {
    "interval": "interval",
    "maxFailures": "consecutive_5xx",
    "maxEjectionPercent": "max_ejection_percent",
    "baseEjectionTime": "base_ejection_time",
}


def protocol(node: Node | None) -> str | None:
    """What a ``protocol`` means here.

    Raises:
        DocumentError: it is none of Consul's.
    """
    if node is None or not node.value:
        return None
    if node.text() not in _SPEAKS:
        message = f"unknown protocol {node.text()!r}{suggest(node.text(), _SPEAKS)}"
        raise DocumentError.at(node.place, message)
    return _SPEAKS[node.text()]


def speak(world: World) -> None:
    """Give services their protocols: the mesh's, and where one is said of them their own."""
    for it in world.objects:
        source = Source(it, world)
        if it.kind == "ProxyDefaults":
            config = it.spec.get("config")
            found = world.notes.guard(protocol, config.get("protocol") if config else None)
            for entry in world.catalog.entries.values() if found else ():
                _set(entry, found)
        elif it.kind == "ServiceDefaults":
            world.notes.guard(_outside, source)
    for it in world.objects:
        if it.kind == "ServiceDefaults":
            found = world.notes.guard(protocol, it.spec.get("protocol"))
            own = world.catalog.lookup(it.name, it.namespace)
            if own is not None and found:
                _set(own, found)


def _set(entry: Entry, protocol: str | None) -> None:
    if not entry.own and protocol is not None:
        entry.protocol = protocol


def _outside(source: Source) -> None:
    """A destination out of the mesh: its addresses are names of the service."""
    goal = source.object.spec.get("destination")
    if goal is None or not goal.value:
        return
    source.notes.leftovers(goal, ("addresses", "port"), source.owner, "destination.")
    names = [node.text() for node in elements(goal, "addresses") if "*" not in node.text()]
    catalog = source.world.catalog
    if catalog.lookup(source.object.name, source.object.namespace) is None:
        place = source.object.place
        catalog.outside([source.object.name, *names], source.object.namespace, place)
        source.approximate("outside of the mesh, so the echo stands in", Node(None, place))


def of_service(source: Source) -> Iterator[Node]:
    """What one service's defaults do."""
    spec = source.object.spec
    source.notes.leftovers(spec, _SERVICE, source.owner)
    entry = source.world.catalog.lookup(source.object.name, source.object.namespace)
    if entry is None:
        message = f"no file has the service {source.object.name!r}: {source.owner} is left out"
        source.notes.warn(source.object.place, message)
        return
    most = spec.get("maxInboundConnections")
    if most is not None and most.value:
        fields: Made = {"pattern": "connection_limit", "on": entry.name, "connections": most}
        yield Node.of(fields, most.key or most.place)
    yield from _rate(entry.name, source)
    yield from _upstreams(entry, source)
    yield from extensions.patterns(spec, entry.name, source)


def _rate(on: str, source: Source) -> Iterator[Node]:
    given = source.object.spec.get("rateLimits")
    level = given.get("instanceLevel") if given is not None else None
    if level is None or not level.value:
        return
    known = ("requestsPerSecond", "requestsMaxBurst")
    source.notes.leftovers(level, known, source.owner, "instanceLevel.")
    rate, burst = level.get("requestsPerSecond"), level.get("requestsMaxBurst")
    if rate is None or not rate.value:
        return
    limit = Node(f"{rate.text()}/s", rate.place)
    made: Made = {"pattern": "rate_limit", "on": on, "limit": limit}
    if burst is not None and burst.value:
        made["burst"] = burst
    yield Node.of(made, level.key or level.place)


def _upstreams(entry: Entry, source: Source) -> Iterator[Node]:
    """For each whom it calls: what is said of it, else what is said of all."""
    config = source.object.spec.get("upstreamConfig")
    if config is None or not config.value:
        return
    source.notes.leftovers(config, ("defaults", "overrides"), source.owner, "upstreamConfig.")
    general = dict((config.get("defaults") or Node(None, config.place)).items())
    own: dict[str, dict[str, Node]] = {name: general for name in entry.calls}
    for node in elements(config, "overrides"):
        name = needed(node, "name", "an override")
        callee = source.world.catalog.lookup(name.text(), source.object.namespace)
        if callee is None or callee.name not in entry.calls:
            message = f"{entry.name!r} does not call {name.text()!r}: its override is left out"
            source.notes.warn(name.place, message)
            continue
        own[callee.name] = {**general, **dict(node.items())}
    if general and not own:
        message = f"nobody is known whom {entry.name!r} calls: upstreamConfig is left out"
        source.notes.warn(config.place, message)
    for callee_name, fields in own.items():
        yield from _upstream(f"{entry.name} -> {callee_name}", Node(fields, config.place), source)


def _upstream(on: str, node: Node, source: Source) -> Iterator[Node]:
    source.notes.leftovers(node, _UPSTREAM, source.owner, "upstreamConfig.")
    if (limits := node.get("limits")) is not None and limits.value:
        source.notes.leftovers(limits, _LIMITS, source.owner, "limits.")
        yield from _pattern("circuit_breaker", on, limits, _LIMITS)
    if (health := node.get("passiveHealthCheck")) is not None and health.value:
        yield from _health(on, health, source)
    connect = node.get("connectTimeoutMs")
    if connect is not None and connect.value:
        time = Node(f"{connect.text()}ms", connect.place)
        made: Made = {"pattern": "connection_pool", "on": on, "connect_timeout": time}
        yield Node.of(made, connect.key or connect.place)


def _health(on: str, node: Node, source: Source) -> Iterator[Node]:
    known = (*_HEALTH, "enforcingConsecutive5xx")
    source.notes.leftovers(node, known, source.owner, "passiveHealthCheck.")
    share = node.get("enforcingConsecutive5xx")
    if share is not None and share.value == 0:
        source.approximate("enforcingConsecutive5xx: 0: nobody is taken out", share)
        return
    if share is not None and share.value not in (None, 100):
        source.approximate("enforcingConsecutive5xx: whoever fails so often is taken out", share)
    yield from _pattern("outlier_detection", on, node, _HEALTH)


def _pattern(kind: str, on: str, node: Node, names: dict[str, str]) -> Iterator[Node]:
    """The fields that say something; a zero is one that is not set."""
    fields = {
        ours: item
        for theirs, ours in names.items()
        if (item := node.get(theirs)) is not None and item.value not in (None, 0, "", "0s")
    }
    if fields or kind == "outlier_detection":
        yield Node.of({"pattern": kind, "on": on, **fields}, node.key or node.place)


def of_proxies(source: Source) -> Iterator[Node]:
    """What the defaults of all proxies do."""
    spec = source.object.spec
    source.notes.leftovers(spec, ("config", "envoyExtensions"), source.owner)
    config = spec.get("config") or Node(None, spec.place)
    source.notes.leftovers(config, ("protocol",), source.owner, "config.")
    if text(spec, "name", "global"):
        yield from extensions.patterns(spec, "*", source)
