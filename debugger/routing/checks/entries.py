"""The route tables of a mesh: one for each listener at which callers' requests come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from debugger.routing.arriving.manager import ConnectionManager
from debugger.routing.decision import RouteLook
from debugger.routing.table import RouteTable
from mesh_patterns.draft import Draft
from mesh_patterns.model import INGRESS
from mesh_patterns.placement import Placement, ingress, outbound, proxies
from xds_server.mirror import class_of, parse
from xds_server.protos import listener as listener_messages
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a caller's requests enter its Envoy. ``name`` is that of the listener and the table,
    ``port`` is the listener's.
    """

    node: str
    name: str
    caller: str
    port: int
    resource: Resource
    table: RouteTable
    manager: ConnectionManager

    def place_of(self, path: str) -> str | None:
        """The line of a pattern that made the field at ``path`` of the table."""
        return self.resource.place_of(path)

    def line_of(self, look: RouteLook) -> str | None:
        """The line that made a route."""
        return self.place_of(look.path)


def entries(
    draft: Draft, placement: Placement, snapshots: Mapping[str, Snapshot]
) -> tuple[Entry, ...]:
    """Every entry of the mesh, those of Envoys that only take requests in left out."""
    return tuple(
        _entry(snapshots[node], node, name, caller, placement.port(key))
        for node, name, caller, key in _names(draft)
    )


def _names(draft: Draft) -> Iterator[tuple[str, str, str, str]]:
    """Node, name, caller, and the key of the port."""
    for proxy in proxies(draft.mesh):
        for caller in proxy.callers:
            yield proxy.node, f"outbound-{caller.id}", caller.name, outbound(caller)
        if proxy.ingress:
            for key in dict.fromkeys(_ingress_keys(draft)):
                yield proxy.node, key.replace(":", "-"), INGRESS, key


def _ingress_keys(draft: Draft) -> Iterator[str]:
    for service in draft.mesh.services.values():
        if service.ingress:
            yield ingress(service.ingress)


def _entry(snapshot: Snapshot, node: str, name: str, caller: str, port: int) -> Entry:
    table = _of(snapshot, ResourceType.ROUTE, name)
    listener = _of(snapshot, ResourceType.LISTENER, name)
    manager = manager_of(listener.body, port) or ConnectionManager(listener_port=port)
    return Entry(node, name, caller, port, table, RouteTable.of(table.body), manager)


def _of(resources: Iterable[Resource], wanted: ResourceType, name: str) -> Resource:
    return next(each for each in resources if each.type is wanted and each.name == name)


def manager_of(listener: bytes, port: int | None = None) -> ConnectionManager | None:
    """The first HTTP connection manager of a listener; ``None`` where it has none."""
    message: Any = parse(listener_messages.Listener, listener)
    for chain in message.filter_chains:
        for each in chain.filters:
            cls = class_of(each.typed_config.type_url)
            if cls is not None and cls.__name__ == "HttpConnectionManager":
                return ConnectionManager.of(parse(cls, each.typed_config.value), port)
    return None
