"""VirtualGateways and GatewayRoutes: what is done with requests from outside.

A gateway route leads to a virtual service, whose own routes hold at the gateway, too. Where nothing
else is said a prefix that matches becomes ``/``, and the host becomes the virtual service's name.
https://docs.aws.amazon.com/app-mesh/latest/userguide/gateway-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.app_mesh import nodes, routers
from mesh_patterns.importers.app_mesh.routers import MATCHES, priority
from mesh_patterns.importers.app_mesh.world import Source, World, aws_name, referred
from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.gateway_api.matches import Ranked
from mesh_patterns.importers.hostnames import ANY
from mesh_patterns.importers.tables import Table, carried
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
_KNOWN = ("priority", "awsName", "virtualGatewayRef", "meshRef", *MATCHES)
_GATEWAY = (
    "listeners", "awsName", "namespaceSelector", "podSelector", "gatewayRouteSelector", "logging",
    "meshRef",
)  # fmt: skip
_LISTENER = ("portMapping", "tls")


@dataclass(frozen=True, slots=True)
class _Row:
    order: tuple[Any, ...]
    name: str
    rules: tuple[Node, ...]
    source: Source


def patterns(world: World) -> list[Node]:
    """Tables of rules, by host."""
    for gateway in world.of("VirtualGateway"):
        world.notes.guard(_tell, gateway)
    rows: list[_Row] = []
    for source in world.of("GatewayRoute"):
        row = world.notes.guard(_row, source)
        if row is not None:
            rows.append(row)
    by_name: dict[str, list[_Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    for_any = by_name.get(ANY, [])
    tables = [
        _table(name, here if name == ANY else [*here, *for_any]) for name, here in by_name.items()
    ]
    return world.notes.collected(carried(tables, world.catalog, world.notes))


def _tell(gateway: Source) -> None:
    gateway.notes.leftovers(gateway.object.spec, _GATEWAY, gateway.owner)
    for node in gateway.list("listeners"):
        gateway.notes.leftovers(node, _LISTENER, gateway.owner, "listeners.")
        if node.get("tls") is not None:
            gateway.approximate("listeners.tls: served in plain text", node.find("tls"))


def _table(name: str, rows: list[_Row]) -> Table:
    """Rules for a host, and those for any after them, as one list that is looked at in order."""
    here = sorted(rows, key=lambda row: row.order)
    rules = tuple(rule for row in here for rule in row.rules)
    first = here[0].source
    return Table((name,), rules, Node(None, first.object.place), first.owner)


def _row(source: Source) -> _Row:
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    kind = next((name for name in MATCHES if spec.get(name) is not None), None)
    if kind is None:
        raise DocumentError.at(source.object.place, f"{source.owner} has none of {list(MATCHES)}")
    body = spec.find(kind)
    source.notes.leftovers(body, ("match", "action"), source.owner, f"{kind}.")
    match = MATCHES[kind](body.get("match") or Node(None, body.place), source)
    action = needed(body, "action", source.owner)
    order = (priority(spec), [-number for number in match.rank])
    rules = tuple(_rules(match, action, source))
    return _Row(order, _host(match.place), rules, source)


def _host(match: Node) -> str:
    """A name, or all that end so."""
    hostname = match.get("hostname")
    if hostname is None or hostname.value is None:
        return ANY
    exact = text(hostname, "exact").lower()
    suffix = text(hostname, "suffix").lower().lstrip("*.")
    return exact or (f"*.{suffix}" if suffix else ANY)


def _rules(match: Ranked, action: Node, source: Source) -> Iterator[Node]:
    target = needed(action, "target", "an action")
    source.notes.leftovers(action, ("target", "rewrite"), source.owner, "action.")
    ref = needed(target, "virtualService", "a target")
    service = referred(ref, "VirtualService", source)
    if service is None:
        nowhere = {"match": match.made, "respond": {"status": 404}}
        yield Node.of(nowhere, action.place)
        return
    rewrite = _rewrite(match, action, service)
    for rule in _behind(service, source):
        made = {name: node for name, node in rule.items() if name != "match"}
        asked = _both(match.made, rule.get("match"))
        condition: Made = {"match": asked} if asked else {}
        yield Node.of({**condition, **made, **({"rewrite": rewrite} if rewrite else {})},
                      action.place)  # fmt: skip


def _behind(service: Source, source: Source) -> Iterator[Node]:
    """The rules of the virtual service; those that ask for a path are told, as it may be another
    by then.
    """
    router = nodes.router(service)
    if router is None:
        to = {name: 1 for node in nodes.providers(service) for name in nodes.targets(node)}
        if to:
            yield Node.of({"to": to}, service.object.place)
        return
    for rule in routers.rules(router):
        match = rule.get("match")
        if match is not None and match.get("path") is not None:
            source.skip("a route behind a gateway route that asks for a path", rule)
        else:
            yield rule


def _both(one: Made, other: Node | None) -> Made:
    """What asks for both."""
    made: Made = dict(one)
    for name, node in other.items() if other is not None else ():
        had = made.get(name)
        made[name] = {**dict(node.items()), **had} if isinstance(had, dict) else node
    return made


def _rewrite(match: Ranked, action: Node, service: Source) -> Made:
    given = action.get("rewrite") or Node(None, action.place)
    made: Made = {}
    host = given.find("hostname").get("defaultTargetHostname")
    if host is None or host.value != "DISABLED":
        made["host"] = aws_name(service.object)
    exact = given.find("path").get("exact")
    if exact is not None:
        whole = exact.text().replace("\\", "\\\\")
        return made | {"regex": "^.*$", "substitution": Node(whole, exact.place)}
    prefix = given.find("prefix")
    path = match.made.get("path", {})
    if "prefix" not in path or text(match.place, "serviceName"):
        return made
    value = prefix.get("value")
    if value is not None:
        return made | {"path": value}
    if text(prefix, "defaultPrefix", "ENABLED") == "DISABLED":
        return made
    return made | _without(path["prefix"])


def _without(prefix: Node) -> Made:
    """``/`` in place of a prefix; of ``/a`` and ``/a/b`` alike, where Envoy would make ``//b``."""
    if prefix.text().endswith("/"):
        return {"path": "/"}
    regex = f"^{re.escape(prefix.text())}/?(.*)$"
    return {"regex": Node(regex, prefix.place), "substitution": "/\\1"}
