"""backendRefs: Services that a rule leads to, their weights, and those that lead nowhere.

A request for one that is not there is answered with an error, and only the share of it.
https://gateway-api.sigs.k8s.io/reference/spec/#httpbackendref
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mesh_patterns.importers import backends
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.gateway_api.routes import Route
from mesh_patterns.importers.gateway_api.world import GROUP
from mesh_patterns.importers.weights import weight
from mesh_yaml.node import Node

_KNOWN = ("group", "kind", "name", "namespace", "port", "weight", "filters")


@dataclass(slots=True)
class Backends:
    """What a rule leads to: targets with weights, ``lost`` of all ``total`` parts, and the edits of
    headers that are for one share alone.
    """

    to: dict[str, Node] = field(default_factory=dict)
    lost: int = 0
    total: int = 0

    @property
    def lost_percent(self) -> float:
        return 100 * self.lost / self.total if self.total else 100.0


def read(rule: Node, route: Route, root: Entry | None) -> Backends:
    """The backends of a rule for callers of ``root``, or of the ingress.

    Raises:
        DocumentError: one has no name, or a weight that is none.
    """
    shares: list[tuple[int, Sequence[str], Node]] = []
    found = Backends()
    for node in elements(rule, "backendRefs"):
        route.source.notes.leftovers(node, _KNOWN, route.source.owner, "backendRefs.")
        parts = weight(node)
        targets = target(node, route, root)
        shares.append((parts, targets, node))
        found.total += parts
        found.lost += parts * (not targets)
    if not shares and root is not None and route.is_linkerds:
        return Backends({root.name: Node(1, rule.place)}, total=1)
    found.to = backends.shared(shares)
    return found


def target(node: Node, route: Route, root: Entry | None = None) -> tuple[str, ...]:
    """Where a reference leads: nowhere if it is not allowed, or of a kind that is not here."""
    name = needed(node, "name", "a backendRef")
    source = route.source
    group, kind = text(node, "group"), text(node, "kind", "Service")
    if (group, kind) not in (("", "Service"), ("core", "Service")):
        source.notes.warn(node.place, f"a backendRef to a {kind} leads nowhere: {_error(route)}")
        return ()
    namespace = text(node, "namespace", route.namespace)
    peer = (GROUP, route.kind, route.namespace)
    grants = source.world.grants
    allowed = any(grant.allows(peer, kind, namespace, name.text()) for grant in grants)
    if namespace != route.namespace and not allowed:
        message = f"no ReferenceGrant in {namespace!r} lets {source.owner} refer to {name.text()!r}"
        source.notes.warn(name.place, f"{message}: {_error(route)}")
        return ()
    found = backends.targets(name, namespace, source.world.catalog, root)
    if not found:
        message = f"no file has the Service {name.text()!r} of namespace {namespace!r}"
        source.notes.warn(name.place, f"{message}: {_error(route)}")
    _speaks(found, route)
    return found


def _speaks(targets: Sequence[str], route: Route) -> None:
    """Of a service that no file has the route tells what it speaks."""
    for name in targets if route.kind == "GRPCRoute" else ():
        entry = route.source.world.catalog.entries[name.partition("/")[0]]
        if entry.invented:
            entry.protocol = "grpc"


def _error(route: Route) -> str:
    return f"its share is answered with {status(route)}"


def status(route: Route) -> int:
    """What is answered where a rule leads nowhere; gRPC makes UNAVAILABLE of a 503."""
    return 503 if route.kind == "GRPCRoute" else 500
