"""From a draft to resources: what each Envoy of the mesh is told, and each gRPC process without.

A pure function, :func:`compile_mesh`. One module per resource type; each resource knows which line
of which file made it and its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mesh_patterns.collector import paused
from mesh_patterns.compile import clusters, filters, grpc, listeners, routes, tls
from mesh_patterns.compile.entries import entries
from mesh_patterns.draft import Draft
from mesh_patterns.identity import Identity, imagined
from mesh_patterns.placement import Placement, Proxy, proxies, proxyless
from xds_server.resource import Resource
from xds_server.snapshot import Snapshot


@paused()
def compile_mesh(
    draft: Draft, placement: Placement, identities: Mapping[str, Identity] | None = None
) -> dict[str, Snapshot]:
    """Each node's snapshot, by node id.

    ``identities`` are all that ``mesh_patterns.identity.wanted`` names; without them, imagined ones
    that show what would be.

    Raises:
        DocumentError: the patterns can't be brought together.
        InconsistentSnapshot: a reference leads nowhere, which is a bug of ours.
    """
    found = {}
    given = imagined(draft) if identities is None else identities
    for proxy in proxies(draft.mesh):
        resources = list(_resources(draft, proxy, placement))
        snapshot = Snapshot.of([*resources, *tls.secrets(resources, given)])
        snapshot.check()
        found[proxy.node] = snapshot
    for each in proxyless(draft.mesh):
        snapshot = Snapshot.of(grpc.resources(draft, each, placement))
        snapshot.check()
        found[each.node] = snapshot
    return found


def _resources(draft: Draft, proxy: Proxy, placement: Placement) -> Iterator[Resource]:
    yield from clusters.inbound(draft, proxy, placement)
    yield from clusters.outbound(draft, proxy, placement)
    yield from clusters.beside(draft, proxy, placement)
    found = list(entries(draft, proxy, placement))
    asked = any(not entry.streams for entry in found)  # else no listener would ask for extensions
    if placement.processed and asked:
        from mesh_patterns.compile import ext_proc  # with packages that few meshes need

        yield ext_proc.extension(proxy.node)
    if placement.gated and asked:
        from mesh_patterns.compile import gate

        yield gate.extension(proxy.node)
    yield from filters.extensions(found)
    for entry in found:
        yield listeners.listener_resource(entry, placement)
        if not entry.streams:
            yield routes.route_resource(entry)
