"""parentRefs: where a route is attached, at listeners of gateways or at a Service.

https://gateway-api.sigs.k8s.io/reference/spec/#parentreference
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.gateway_api import gateways
from mesh_patterns.importers.gateway_api.gateways import Key, Listener
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.gateway_api.world import GROUP
from mesh_patterns.importers.hostnames import ANY, narrower
from mesh_patterns.importers.notes import listed
from mesh_yaml.node import Node

# what they are attached to there is read by ``linkerd/``
_LINKERDS = {("policy.linkerd.io", "Server"), ("policy.linkerd.io", "EgressNetwork")}
Known = Mapping[Key, Sequence[Listener]]


@dataclass(frozen=True, slots=True)
class Attached:
    """A route at a listener: ``host`` is what both have in common, ``own`` what the route says."""

    route: Route
    listener: Listener
    host: str
    own: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A route at a Service."""

    route: Route
    service: Node
    namespace: str


def services(route: Route) -> Iterator[Bound]:
    """The Services that a route is attached to."""
    for node in route.parents:
        if text(node, "kind") == "Service" and text(node, "group") in ("", "core"):
            name = needed(node, "name", "a parentRef")
            yield Bound(route, name, text(node, "namespace", route.namespace))


def listeners(route: Route, known: Known) -> Iterator[Attached]:
    """The listeners that a route is attached to, under each of its names."""
    if not route.parents:
        place = route.source.object.place
        message = f"{route.source.owner} has no parentRefs: taken for one of any Gateway"
        route.source.notes.warn(place, message)
        yield from _under_names(route, gateways.any_of(("", ""), Node(None, place)))
    for node in route.parents:
        kind = (text(node, "group", GROUP), text(node, "kind", "Gateway"))
        if kind == (GROUP, "Gateway"):
            yield from _under_names(route, _of_gateway(node, route, known))
        elif kind[1] != "Service" and kind not in _LINKERDS:
            route.source.skip(f"a parentRef to a {kind[1]}", node)


def _of_gateway(node: Node, route: Route, known: Known) -> Sequence[Listener]:
    name = needed(node, "name", "a parentRef")
    key = (text(node, "namespace", route.namespace), name.text())
    if key not in known:
        message = f"Gateway {name.text()!r} is not in the given files: taken for one of any host"
        route.source.notes.warn(name.place, message)
        return gateways.any_of(key, name)
    found = [each for each in known[key] if _is_meant(node, each)]
    taken = [each for each in found if each.takes(route.kind, route.namespace)]
    if not taken:
        why = "takes it" if found else f"is the one it names ({listed(e.name for e in known[key])})"
        message = f"no listener of Gateway {name.text()!r} {why}: nothing reaches"
        route.source.notes.warn(name.place, f"{message} {route.source.owner} there")
    return taken


def _is_meant(node: Node, listener: Listener) -> bool:
    section, port = node.get("sectionName"), node.get("port")
    named = section is None or section.value is None or section.text() == listener.name
    return named and (port is None or port.value in (None, listener.port))


def _under_names(route: Route, found: Iterable[Listener]) -> Iterator[Attached]:
    all_of_them = [each for each in found if each.takes(route.kind, route.namespace)]
    names = [node.text().lower() for node in route.hostnames] or [ANY]
    reached = False
    for listener in all_of_them:
        for name in names:
            host = narrower(name, listener.hostname)
            if host is not None:
                reached = True
                yield Attached(route, listener, host, name)
    if all_of_them and not reached:
        theirs = listed(each.hostname for each in all_of_them)
        message = f"none of its hostnames is a listener's ({theirs}): nothing reaches"
        place = route.hostnames[0].place
        route.source.notes.warn(place, f"{message} {route.source.owner} there")
