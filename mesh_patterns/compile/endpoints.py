"""What is made anew when a service's instances move to other ports, and nothing else changes.

Compiling a mesh costs what the whole mesh costs, and an endpoint changes far more often than a
pattern does. Who uses which endpoints is looked up once for a draft; then a move costs what moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from mesh_patterns.compile import clusters, grpc, listeners, routes
from mesh_patterns.compile.entries import entries
from mesh_patterns.compile.grpc import clusters as grpc_clusters
from mesh_patterns.draft import Draft
from mesh_patterns.placement import Placement, Proxy, Proxyless, proxies, proxyless
from xds_server.resource import Resource
from xds_server.snapshot import Snapshot

_Use = Callable[[Placement], Resource]  # an assignment as a node has it


class Endpoints:
    """Which resources of which node name the ports of a service."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._uses: dict[str, list[tuple[str, _Use]]] = defaultdict(list)  # by service
        self._homes: dict[str, list[Proxy]] = defaultdict(list)
        self._alone: dict[str, list[Proxyless]] = defaultdict(list)
        for proxy in proxies(draft.mesh):
            self._add(proxy)
        for each in proxyless(draft.mesh):
            self._add_alone(each)

    def moved(
        self, snapshots: Mapping[str, Snapshot], services: Iterable[str], placement: Placement
    ) -> dict[str, Snapshot]:
        """``snapshots``, of which instances of ``services`` are now where ``placement`` has them.

        They are what ``compile_mesh`` gave for this draft, and so is what this returns. What did
        not change is the same object, be it a resource or a snapshot.
        """
        made = dict(snapshots)
        wanted = dict.fromkeys(services)
        for node, resources in self._named(wanted, placement).items():
            had = snapshots[node]
            changed = [each for each in resources if had.resources(each.type)[each.name] != each]
            if changed:
                made[node] = had.replacing(changed)
        for service in wanted:
            for each in self._alone.get(service, ()):  # its port is in its listener's name
                made[each.node] = Snapshot.of(grpc.resources(self._draft, each, placement))
        return made

    def _named(self, services: Iterable[str], placement: Placement) -> Mapping[str, list[Resource]]:
        """By node, the resources that name the ports of ``services``."""
        found: dict[str, list[Resource]] = defaultdict(list)
        for service in services:
            for node, use in self._uses.get(service, ()):
                found[node].append(use(placement))
            for proxy in self._homes.get(service, ()):
                found[proxy.node].extend(self._inbound(proxy, placement))
        return found

    def _inbound(self, proxy: Proxy, placement: Placement) -> Iterator[Resource]:
        yield from clusters.inbound(self._draft, proxy, placement)
        for entry in entries(self._draft, proxy, placement):
            yield listeners.listener_resource(entry, placement)
            if not entry.streams:
                yield routes.route_resource(entry)

    def _add(self, proxy: Proxy) -> None:
        for instance in proxy.inbound:
            self._homes[instance.service].append(Proxy(proxy.node, (instance,)))
        for each in clusters.known(self._draft, proxy):
            if self._draft.mesh.services[each.target.service].external:
                continue
            near = clusters.here(self._draft, proxy)
            self._use(proxy.node, clusters.endpoints, each, near)

    def _add_alone(self, workload: Proxyless) -> None:
        caller = workload.instance.service
        self._alone[caller].append(workload)
        for callee in self._draft.mesh.callees(caller):
            for each in clusters.named(self._draft, [self._draft.edges[caller, callee]]):
                near = grpc_clusters.here(self._draft, caller)
                self._use(workload.node, grpc_clusters.endpoints, each, near)

    def _use(
        self,
        node: str,
        make: Callable[[Draft, clusters.Outbound, tuple[str, ...], Placement], Resource],
        known: clusters.Outbound,
        near: tuple[str, ...],
    ) -> None:
        self._uses[known.target.service].append(
            (node, lambda placement: make(self._draft, known, near, placement))
        )
