"""Clusters and their endpoints: whom an Envoy can send to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mesh_patterns import beside as services
from mesh_patterns.compile import aggregate, connection_pool, external, filters, tls, traffic_policy
from mesh_patterns.compile.entry import local_cluster
from mesh_patterns.compile.sockets import tapped
from mesh_patterns.compile.values import ads, protocol_options
from mesh_patterns.draft import Draft, Edge, Filter, Target
from mesh_patterns.hosts import Group, groups, shares
from mesh_patterns.identity import secured
from mesh_patterns.model import INGRESS
from mesh_patterns.placement import HOST, Placement, Proxy, reached, workload
from mesh_patterns.policy import Failover
from mesh_yaml.place import DocumentError, Place
from xds_server import protos
from xds_server.protos import cluster, core, endpoint
from xds_server.resource import Resource


@dataclass(frozen=True, slots=True)
class Outbound:
    """A cluster that leads to a service: its name, its hosts, who calls there, and what is set
    of that.
    """

    name: str
    target: Target
    caller: str
    policy: traffic_policy.Settings


def socket_address(port: int) -> core.Address:
    """A loopback address."""
    return core.Address(socket_address=core.SocketAddress(address=HOST, port_value=port))


def inbound(draft: Draft, proxy: Proxy, placement: Placement) -> Iterator[Resource]:
    """One static cluster for each workload behind this Envoy."""
    for instance in proxy.inbound:
        service = draft.mesh.services[instance.service]
        name = local_cluster(instance)
        message = cluster.Cluster(
            name=name,
            type=cluster.ClusterDiscoveryType.STATIC,
            load_assignment=_assignment(name, [placement.port(workload(instance))]),
            typed_extension_protocol_options=protocol_options(service.protocol),
        )
        version = service.version(instance.version)
        yield _resource(message, version.place if version else service.place)


def outbound(draft: Draft, proxy: Proxy, placement: Placement) -> Iterator[Resource]:
    """A cluster with endpoints for every target that this Envoy's callers and filters choose.

    Raises:
        DocumentError: as :func:`known`.
    """
    for each in known(draft, proxy):
        service = draft.mesh.services[each.target.service]
        yield from aggregate.outbound(draft, each, lb_policy=aggregate.PROVIDED)
        if service.external:
            yield external.outbound(draft, each, placement, proxy)
            continue
        socket = tls.upstream(draft, proxy, each.caller, service.name)
        message = cluster.Cluster(
            name=each.name,
            type=cluster.ClusterDiscoveryType.EDS,
            eds_cluster_config=cluster.ClusterEdsClusterConfig(eds_config=ads()),
            typed_extension_protocol_options=connection_pool.options(
                service.protocol, service.requests, each.policy
            ),
            transport_socket=tapped(socket) if socket and placement.sockets else socket,
            **traffic_policy.fields(each.policy, service.name),
        )
        place = place_of(draft, each.target)
        lines = traffic_policy.origins(each.policy) | tls.origins(draft, service.name)
        yield _resource(message, place, lines)
        yield endpoints(draft, each, here(draft, proxy), placement)


def known(draft: Draft, proxy: Proxy) -> Iterable[Outbound]:
    """Every cluster of an Envoy that leads to a service: its callers' first, then its filters'.

    A filter's is called as the target is, and has the settings of its caller's edge there.

    Raises:
        DocumentError: two filters want different ones of one name.
    """
    found = {each.name: each for each in named(draft, edges_of(draft, proxy))}
    for caller, target, place in _asked(draft, proxy):
        policy = traffic_policy.policy(draft.edges, caller, target)
        wanted = Outbound(str(target), target, caller, policy)
        had = found.setdefault(wanted.name, wanted)
        if not _alike(draft, had, wanted):
            callers = f"{had.caller!r} and {caller!r} call {wanted.name!r}"
            message = f"{callers} from one Envoy, with other settings or another certificate"
            raise DocumentError.at(place, message)
    return found.values()


def _asked(draft: Draft, proxy: Proxy) -> Iterator[tuple[str, Target, Place]]:
    """Whom this Envoy itself asks, as whom: its filters, and its tracers."""
    for each in filters_of(draft, proxy):
        yield from ((each.caller, target, each.place) for target in each.calls)
    if not draft.traces:
        return
    names = {each.service for each in proxy.inbound} | {each.name for each in proxy.callers}
    for name in sorted(names | ({INGRESS} if proxy.ingress else set())):
        traced = draft.traces.get(name)
        if traced and traced.value.collector:
            yield name, traced.value.collector, traced.place


def beside(draft: Draft, proxy: Proxy, placement: Placement) -> Iterator[Resource]:
    """A cluster for every service beside this Envoy that its filters ask, all by gRPC."""
    if not draft.beside:
        return
    asked = {name: each.place for each in filters_of(draft, proxy) for name in each.asks}
    for service, place in asked.items():
        name = services.cluster(service)
        pipe = core.Pipe(path=str(services.socket(placement.folder, service)))
        message = cluster.Cluster(
            name=name,
            type=cluster.ClusterDiscoveryType.STATIC,
            load_assignment=_assigned(name, [core.Address(pipe=pipe)]),
            typed_extension_protocol_options=protocol_options("grpc"),
        )
        yield _resource(message, place)


def filters_of(draft: Draft, proxy: Proxy) -> Iterator[Filter]:
    """The filters that run in this Envoy."""
    for instance in proxy.inbound:
        yield from filters.at_workload(draft, instance)
    for edge in edges_of(draft, proxy):
        yield from draft.filters_on(edge)


def _alike(draft: Draft, one: Outbound, other: Outbound) -> bool:
    """Whether one cluster will do for both. They have one name."""
    own = secured(draft, one.target.service) or one.policy or other.policy
    return one.caller == other.caller or not own


def edges_of(draft: Draft, proxy: Proxy) -> list[Edge]:
    """What this Envoy's callers do with whom."""
    callers = {caller.name for caller in proxy.callers} | ({INGRESS} if proxy.ingress else set())
    return [edge for caller in sorted(callers) for edge in draft.edges_from(caller)]


def here(draft: Draft, proxy: Proxy) -> tuple[str, ...]:
    """The locality of who sends from this Envoy, as far as all of them are in one."""
    services = draft.mesh.services
    versions = (services[each.service].version(each.version) for each in proxy.inbound)
    found = {each.locality for each in versions if each}
    return found.pop() if len(found) == 1 else ()


def endpoints(
    draft: Draft, known: Outbound, here: tuple[str, ...], placement: Placement
) -> Resource:
    """A cluster's hosts, which come apart from it: they change more often. ``here`` is the caller's
    locality.
    """
    placed = known.policy.get("failover")
    failover: Failover | None = placed.value if placed else None
    made = groups(draft, known.target, failover, here)
    found = endpoint.ClusterLoadAssignment(
        cluster_name=known.name,
        endpoints=[_group(draft, each, placement) for each in made],
    )
    for each, share in zip(found.endpoints, weights(known, made), strict=False):
        each.load_balancing_weight = share
    if failover:
        factor = round(failover.factor * 100)
        found.policy = endpoint.ClusterLoadAssignmentPolicy(overprovisioning_factor=factor)
    lines = {"policy": str(placed.place)} if placed else {}
    return _resource(found, place_of(draft, known.target), lines)


def weights(known: Outbound, found: Sequence[Group]) -> list[int | None]:
    """What each group gets, where somebody says so; without a weight it is nothing."""
    balance = known.policy.get("load_balancing")
    localities = balance.value.localities if balance else ()
    return [share or None for share in shares(found, localities)] if localities else []


def _group(draft: Draft, group: Group, placement: Placement) -> endpoint.LocalityLbEndpoints:
    return endpoint.LocalityLbEndpoints(
        lb_endpoints=hosts(draft, group, placement), **locality(group)
    )


def locality(group: Group) -> dict[str, Any]:
    """Where a group is, and when its turn is, as far as anybody says so."""
    names = ("region", "zone", "sub_zone")
    where = dict(zip(names, group.locality, strict=False))
    return {
        **({"locality": core.Locality(**where)} if where else {}),
        **({"priority": group.priority} if group.priority else {}),
    }


def hosts(draft: Draft, group: Group, placement: Placement) -> list[endpoint.LbEndpoint]:
    """A group's hosts, where they are reached."""
    return [
        endpoint.LbEndpoint(
            endpoint=endpoint.Endpoint(
                address=socket_address(placement.port(reached(draft.mesh, instance)))
            ),
            load_balancing_weight=weight,
        )
        for instance, weight in group.hosts
    ]


def place_of(draft: Draft, target: Target) -> Place:
    """The line of the target's version, or of its service."""
    service = draft.mesh.services[target.service]
    version = service.version(target.version) if target.version is not None else None
    return version.place if version else service.place


def named(draft: Draft, edges: Iterable[Edge]) -> Iterator[Outbound]:
    """The clusters of these edges, each once."""
    seen: set[str] = set()
    for edge in edges:
        for target in targets([edge]):
            name = traffic_policy.own_name(draft, edge.caller, target)
            if name not in seen:
                seen.add(name)
                policy = traffic_policy.policy(draft.edges, edge.caller, target)
                yield Outbound(name, target, edge.caller, policy)


def targets(edges: Iterable[Edge]) -> Iterator[Target]:
    """Where the requests of ``edges`` may go, each once."""
    seen: dict[Target, None] = {}
    for edge in edges:
        seen[Target(edge.callee)] = None
        splits = [rule.split for rule in edge.rules] + ([edge.split.value] if edge.split else [])
        seen.update({weighted.target: None for split in splits for weighted in split})
        settings = [edge.settings, *(rule.settings for rule in edge.rules)]
        mirrors = (found["mirror"].value for found in settings if "mirror" in found)
        seen.update({mirror.target: None for copies in mirrors for mirror in copies})
        if "takeover" in edge.settings:
            seen.update(dict.fromkeys(edge.settings["takeover"].value))
    yield from seen


def _assignment(name: str, ports: Iterable[int]) -> endpoint.ClusterLoadAssignment:
    return _assigned(name, map(socket_address, ports))


def _assigned(name: str, addresses: Iterable[core.Address]) -> endpoint.ClusterLoadAssignment:
    endpoints = [
        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=each)) for each in addresses
    ]
    locality = endpoint.LocalityLbEndpoints(lb_endpoints=endpoints)
    return endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=[locality])


def _resource(
    message: protos.Message, place: Place, parts: Mapping[str, str] = MappingProxyType({})
) -> Resource:
    return Resource.of(message, origins={"": str(place), **parts})
