"""Which listeners an Envoy has: where it takes connections in, and whom they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.compile import filters, ingress_tls, streams, tls
from mesh_patterns.compile.entry import Entry, Host, unique
from mesh_patterns.compile.hosts import distinct, ingress_hosts, outbound_hosts
from mesh_patterns.draft import Draft, Filter
from mesh_patterns.model import INGRESS, Instance
from mesh_patterns.placement import Caller, Placement, Proxy, call, ingress, outbound
from mesh_patterns.placement import inbound as inbound_key


def entries(draft: Draft, proxy: Proxy, placement: Placement) -> Iterator[Entry]:
    """Every listener of an Envoy."""
    for instance in proxy.inbound:
        yield _inbound(draft, instance, placement)
    for caller in proxy.callers:
        yield from _outbound(draft, caller, placement)
    if proxy.ingress:
        yield from _ingress(draft, placement)


def _inbound(draft: Draft, instance: Instance, placement: Placement) -> Entry:
    service = draft.mesh.services[instance.service]
    version = service.version(instance.version)
    place = version.place if version else service.place
    return Entry(
        name=f"inbound-{instance.id}",
        direction="inbound",
        ports=(placement.port(inbound_key(instance)),),
        place=place,
        filters=filters.at_workload(draft, instance),
        instance=instance,
        mtls=tls.accepted(draft, instance.service),
        streams=() if service.requests else (streams.inbound(service, instance, place),),
        hardened=draft.hardened.get(instance.service),
        **_told(draft, instance.service),
    )


def _outbound(draft: Draft, caller: Caller, placement: Placement) -> Iterator[Entry]:
    """One listener for all whom it sends requests, and one for each of the others."""
    services = [draft.mesh.services[callee] for callee in draft.mesh.callees(caller.name)]
    asked = [each.name for each in services if each.requests]
    if asked:
        yield _requests(draft, caller, asked, placement)
    for each in services:
        if not each.requests:
            edge = draft.edges[caller.name, each.name]
            yield Entry(
                name=f"outbound-{caller.id}-{each.name}",
                direction="outbound",
                ports=(placement.port(call(caller, each.name)),),
                place=each.place,
                streams=(streams.outbound(draft, edge),),
            )


def _requests(draft: Draft, caller: Caller, callees: Sequence[str], placement: Placement) -> Entry:
    hosts = distinct(
        host
        for callee in callees
        for host in outbound_hosts(
            draft, draft.edges[caller.name, callee], placement.port(call(caller, callee))
        )
    )
    service = draft.mesh.services.get(caller.name)
    place = service.place if service else hosts[0].place
    return Entry(
        name=f"outbound-{caller.id}",
        direction="outbound",
        ports=tuple(
            placement.port(key)
            for key in (outbound(caller), *(call(caller, callee) for callee in callees))
        ),
        place=place,
        filters=_of_hosts(hosts),
        hosts=hosts,
        **_told(draft, caller.name),
    )


def _ingress(draft: Draft, placement: Placement) -> Iterator[Entry]:
    """One listener for each port that services ask for at the ingress."""
    edges = [edge for (caller, _), edge in draft.edges.items() if caller == INGRESS]
    declared = {edge.callee: draft.mesh.services[edge.callee].ingress for edge in edges}
    keys = dict.fromkeys(ingress(found) for found in declared.values() if found)
    for key in keys:
        here = [edge for edge in edges if (at := declared[edge.callee]) and ingress(at) == key]
        found = streams.at_ingress(draft, here)
        hosts = () if found else distinct(ingress_hosts(draft, here))
        first = declared[here[0].callee]
        yield Entry(
            name=key.replace(":", "-"),
            direction="ingress",
            ports=(placement.port(key),),
            place=first.place if first else here[0].place,
            filters=_of_hosts(hosts),
            hosts=hosts,
            streams=found,
            hardened=draft.hardened.get(INGRESS),
            secure=ingress_tls.secure(key, [draft.mesh.services[each.callee] for each in here]),
            **_told(draft, INGRESS),
        )


def _told(draft: Draft, whose: str) -> dict[str, Any]:
    """What is told of somebody's requests."""
    logs, traces = tuple(draft.logs.get(whose, ())), draft.traces.get(whose)
    return {"whose": whose, "logs": logs, "traces": traces}


def _of_hosts(hosts: tuple[Host, ...]) -> tuple[Filter, ...]:
    return tuple(unique(each for host in hosts for row in host.rows for each in row.filters))
