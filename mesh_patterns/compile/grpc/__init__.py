"""Config for gRPC itself, where a service has no Envoy: the same draft, said so that gRPC takes it.

A gRPC client asks for the listener of the name that it is to call (``xds:///reviews``), and from
there for routes, clusters and endpoints; a gRPC server for the listener of its own port. What
differs from what an Envoy is told:

===========  =======================================  ==========================================
what         Envoy                                    gRPC
===========  =======================================  ==========================================
calls        one listener, a route table of all       a listener with ``api_listener`` for each
             callees                                  name, a route table for each callee (A27)
timeout      ``RouteAction.timeout``                  ``max_stream_duration`` (A31)
retries      conditions, a timeout of each try        statuses of gRPC, five tries at most (A44)
fault        a filter, switched on where it holds     the filter of that callee's listener; ``when``
             ``headers`` of its own                   becomes a route of its own (A33)
path match   ``path_separated_prefix``                an expression (A28)
not-match    takes an absent header for empty         a route, or a rule, for the absent one
endpoints    by name                                  with locality and weight, else dropped
choice       five policies                            ``round_robin``, ``ring_hash`` (A42)
ejection     four detectors                           by success rate, by failures (A50)
limits       connections, requests, retries           requests (A32)
server       cluster of the workload, any filter      ``non_forwarding_action``, RBAC (A36, A41)
mutual TLS   certificates over SDS                    in files that the bootstrap names (A29)
===========  =======================================  ==========================================

What is left over, and who is told of it: ``mesh_patterns/grpc_limits.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.compile.grpc import clusters, listeners, routes
from mesh_patterns.compile.hosts import distinct, outbound_hosts
from mesh_patterns.draft import Draft
from mesh_patterns.placement import Placement, Proxyless
from xds_server.resource import Resource


def resources(draft: Draft, workload: Proxyless, placement: Placement) -> Iterator[Resource]:
    """Everything that a workload without an Envoy may ask for.

    Raises:
        DocumentError: two callees answer to one name.
    """
    yield from listeners.server(draft, workload.instance, placement)
    caller = workload.instance.service
    edges = [draft.edges[caller, callee] for callee in draft.mesh.callees(caller)]
    found = {edge.callee: tuple(outbound_hosts(draft, edge, None)) for edge in edges}
    distinct(host for hosts in found.values() for host in hosts)
    for edge in edges:
        yield from clusters.outbound(draft, edge, placement)
        yield routes.route_resource(edge, found[edge.callee])
        yield from listeners.clients(draft, edge, found[edge.callee])
