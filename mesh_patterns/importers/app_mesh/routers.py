"""VirtualRouters and their routes: where requests for a virtual service go.

The lower the number of a route's priority the sooner it is looked at; those without come last, the
longer path first. What no route matches is not found.
https://docs.aws.amazon.com/app-mesh/latest/userguide/routes.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mesh_patterns.importers import backends
from mesh_patterns.importers.app_mesh import matches, nodes, settings
from mesh_patterns.importers.app_mesh.world import Source, World, referred
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, whole_number
from mesh_patterns.importers.gateway_api.matches import Ranked
from mesh_patterns.importers.tables import pattern
from mesh_patterns.importers.weights import hundredths, weight
from mesh_patterns.protocols import PROTOCOLS
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
LAST = 1001
MATCHES: Mapping[str, Callable[[Node, Source], Ranked]] = {
    "httpRoute": matches.of_http,
    "http2Route": matches.of_http,
    "grpcRoute": matches.of_grpc,
}
_KNOWN = ("name", "priority", *MATCHES, "tcpRoute")
_ROUTE = ("match", "action", "retryPolicy", "timeout")


def patterns(world: World) -> Iterator[Node]:
    """What all virtual services do with requests."""
    for service in world.of("VirtualService"):
        for entry in world.entries(service):
            yield from world.notes.collected(_of_service(service, entry))


def _of_service(service: Source, entry: Entry) -> Iterator[Node]:
    known = ("provider", "awsName", "meshRef")
    service.notes.leftovers(service.object.spec, known, service.owner)
    source = nodes.router(service)
    on = f"{MESH} -> {entry.name}"
    place = Node(None, service.object.place)
    if source is None:
        to = {t: 1 for node in nodes.providers(service) for t in nodes.targets(node)}
        if to and list(to) != [entry.name]:
            yield pattern(on, [Node.of({"to": to}, place.place)], place)
        return
    source.notes.leftovers(source.object.spec, ("listeners", "routes", "awsName", "meshRef"),
                           source.owner)  # fmt: skip
    if PROTOCOLS[entry.protocol].requests:
        made = rules(source)
        nothing = Node.of({"respond": {"status": 404}}, place.place)
        yield pattern(on, made or [nothing], Node(None, source.object.place))
        return
    for node, owner in nodes.routes(source)[:1]:
        tcp = node.get("tcpRoute")
        if tcp is not None:
            to_ = _weights(needed(tcp, "action", "a route"), owner)
            if list(to_) != [entry.name]:
                made_ = {"pattern": "canary", "on": on, "weights": hundredths(to_, owner)}
                yield Node.of(made_, owner.object.place)


def rules(router: Source) -> list[Node]:
    """The rules of all its routes, in their order."""
    found = []
    for index, (node, owner) in enumerate(nodes.routes(router)):
        row = owner.notes.guard(_rule, node, owner)
        if row is not None:
            rank, made = row
            found.append((priority(node), [-number for number in rank], index, made))
    return [made for *_, made in sorted(found, key=lambda row: row[:3])]


def priority(node: Node) -> int:
    """Of a route or a gateway route; the lower number goes first."""
    given = node.get("priority")
    if given is None or given.value is None:
        return LAST
    return whole_number(given, "a priority is a whole number")


def _rule(node: Node, source: Source) -> tuple[tuple[int, ...], Node] | None:
    source.notes.leftovers(node, _KNOWN, source.owner, "routes.")
    kind = next((name for name in MATCHES if node.get(name) is not None), None)
    if kind is None:
        if node.get("tcpRoute") is None:
            known = ", ".join((*MATCHES, "tcpRoute"))
            raise DocumentError.at(node.place, f"a route has none of {known}")
        source.skip("a tcpRoute of a service that speaks HTTP", node.find("tcpRoute"))
        return None
    body = node.find(kind)
    source.notes.leftovers(body, _ROUTE, source.owner, f"{kind}.")
    match = MATCHES[kind](body.get("match") or Node(None, body.place), source)
    made: Made = {"match": match.made} if match.made else {}
    made["to"] = _weights(needed(body, "action", "a route"), source)
    if (retry := body.get("retryPolicy")) is not None and retry.value:
        made["retries"] = settings.retries(retry, source)
    after = settings.per_request(body.get("timeout"), source)
    if after is not None:
        made["timeout"] = after
    return match.rank, Node.of(made, node.place)


def _weights(action: Node, source: Source) -> dict[str, Node]:
    """Shares of virtual nodes.

    Raises:
        DocumentError: there are none.
    """
    shares = []
    for each in elements(action, "weightedTargets"):
        known = ("virtualNodeRef", "virtualNodeARN", "virtualNode", "weight", "port")
        source.notes.leftovers(each, known, source.owner, "weightedTargets.")
        found = referred(each, "VirtualNode", source)
        shares.append((weight(each), nodes.targets(found) if found is not None else (), each))
    if not any(names for _, names, _ in shares):
        raise DocumentError.at(action.place, "a route leads to no virtual node that is here")
    return backends.shared(shares)
