"""Connections that no Envoy takes apart into requests: whom they lead to."""

from __future__ import annotations

from collections.abc import Sequence

from mesh_patterns.compile import connection_pool, traffic_policy
from mesh_patterns.compile.entry import Stream, local_cluster
from mesh_patterns.draft import Draft, Edge, Target
from mesh_patterns.model import Instance, Service
from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.place import DocumentError, Place


def inbound(service: Service, instance: Instance, place: Place) -> Stream:
    """To the workload of an instance."""
    return Stream(service.protocol, ((local_cluster(instance), 1),), place)


def outbound(draft: Draft, edge: Edge, names: tuple[str, ...] = ()) -> Stream:
    """What a caller's Envoy does with connections to a service."""
    service = draft.mesh.services[edge.callee]
    split = edge.split.value if edge.split else ()
    targets = [(each.target, each.weight) for each in split if each.weight]
    clusters = tuple(
        (traffic_policy.cluster_name(draft, edge.caller, target), weight)
        for target, weight in targets or [(Target(edge.callee), 1)]
    )
    pool = connection_pool.of(traffic_policy.policy(draft.edges, edge.caller, Target(edge.callee)))
    return Stream(
        service.protocol, clusters, service.place, names,
        pool.idle_timeout, pool.max_connection_duration,
    )  # fmt: skip


def at_ingress(draft: Draft, edges: Sequence[Edge]) -> tuple[Stream, ...]:
    """Those at one port of the ingress; none, where all of it is requests.

    Raises:
        DocumentError: a client could not say which of them it wants.
    """
    found = [edge for edge in edges if not draft.mesh.services[edge.callee].requests]
    if not found:
        return ()
    if len(edges) == 1 and not _names(draft, edges[0]):
        return (outbound(draft, edges[0]),)
    for edge in edges:
        if not _names(draft, edge):
            _refuse(draft, edge, next(each for each in edges if each is not edge))
    made = tuple(outbound(draft, edge, _names(draft, edge)) for edge in edges)
    _check_distinct(made)
    return made


def _names(draft: Draft, edge: Edge) -> tuple[str, ...]:
    """The names by which clients ask for the callee, if its protocol has such."""
    service = draft.mesh.services[edge.callee]
    if not PROTOCOLS[service.protocol].named or service.ingress is None:
        return ()
    return tuple(name for name in service.ingress.hosts if name != "*")


def _refuse(draft: Draft, edge: Edge, other: Edge) -> None:
    service = draft.mesh.services[edge.callee]
    wanted = "'hosts', which clients name by SNI, or a port of its own"
    if not PROTOCOLS[service.protocol].named:
        wanted = "a port of its own"
    place = service.ingress.place if service.ingress else edge.place
    raise DocumentError.at(
        place,
        f"{edge.callee!r} speaks {service.protocol} at the same port of the ingress as "
        f"{other.callee!r}; give it {wanted}",
    )


def _check_distinct(made: Sequence[Stream]) -> None:
    taken: dict[str, Stream] = {}
    for stream in made:
        for name in stream.names:
            if name in taken:
                other = taken[name].place
                message = f"{name!r} is the name of another at this port, at {other}"
                raise DocumentError.at(stream.place, message)
            taken[name] = stream
