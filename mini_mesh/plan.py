"""What has to run for a mesh, and where: plain data, worked out before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mesh_patterns.draft import Draft
from mesh_patterns.model import CLIENT, GRPC, INGRESS, Instance, Mesh, Service, Version
from mesh_patterns.placement import (
    HOST,
    Caller,
    Kinds,
    Placement,
    Proxy,
    at_egress,
    call,
    caller,
    inbound,
    ingress,
    kinds,
    outbound,
    proxies,
    proxyless,
    reached,
    workload,
)
from mesh_patterns.protocols import PROTOCOLS
from mini_mesh.certificates.files import CERTIFICATES, provider
from mini_mesh.echo import config as echo
from mini_mesh.grpc_bootstrap import SCHEME, GrpcNode, environment
from mini_mesh.processes.process import ProcessSpec
from tap.topology import Endpoint, Listener, Topology

# how the echo calls those that speak it
_SCHEMES = {name: "grpc" if name == GRPC else each.scheme for name, each in PROTOCOLS.items()}


@dataclass(frozen=True, slots=True)
class Plan:
    """``workloads`` are commands by instance id, ``echoes`` what the built-in one has to serve.

    ``grpc`` are those of the workloads that have no Envoy, and who they say that they are;
    ``counts`` the sockets at which some tell how many requests have arrived.
    """

    mesh: Mesh
    placement: Placement
    proxies: Mapping[str, Proxy]
    workloads: Mapping[str, ProcessSpec]
    echoes: tuple[echo.Instance, ...]
    grpc: Mapping[str, GrpcNode] = field(default_factory=dict)
    counts: Mapping[str, Path] = field(default_factory=dict)

    @property
    def kinds(self) -> Kinds:
        """Every node that the control plane serves, and what it is."""
        return kinds(self.mesh)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What processes without an Envoy have to know: the control plane's port, the mesh's folder,
    and what they call their mesh, which stays the same while it runs. ``otlp`` is where all that
    somebody runs may send its spans by gRPC, "" for nowhere.
    """

    xds_port: int
    folder: Path
    name: str
    otlp: str = ""


NOWHERE = Surroundings(0, Path(), "")  # for a mesh in which everybody has an Envoy


def plan(mesh: Mesh, placement: Placement, around: Surroundings = NOWHERE) -> Plan:
    """What has to run for ``mesh`` with these ports."""
    workloads: dict[str, ProcessSpec] = {}
    echoes: list[echo.Instance] = []
    counts: dict[str, Path] = {}
    nodes = {
        each.instance.id: GrpcNode(
            each.node,
            around.name,
            around.xds_port,
            provider(around.folder / CERTIFICATES, each.node),
        )
        for each in proxyless(mesh)
    }
    for service, version, instance in _each(mesh):
        node = nodes.get(instance.id)
        env = environment(node) if node else {}
        if version.run is not None:
            env |= _tracing(instance, around.otlp)
            workloads[instance.id] = _workload(mesh, version, instance, placement, env)
        elif node is None:
            echoes.append(_echo(mesh, service, instance, placement))
        else:
            # its port names the socket: a name of its own could be too long for one
            count = around.folder / f"count-{placement.port(workload(instance))}.sock"
            counts[instance.id] = count
            made = _echo(mesh, service, instance, placement)
            workloads[instance.id] = echo.xds_process_spec(instance.id, made, count, env)
    found = {proxy.node: proxy for proxy in proxies(mesh)}
    return Plan(mesh, placement, found, workloads, tuple(echoes), nodes, counts)


def _each(mesh: Mesh) -> Iterator[tuple[Service, Version, Instance]]:
    for service in mesh.services.values():
        for version, instance in service.workloads():
            yield service, version, instance


def _calls(mesh: Mesh, instance: Instance, placement: Placement) -> dict[str, int]:
    """The port, in its own Envoy, at which an instance reaches each service that it calls."""
    if mesh.is_proxyless(instance.service):
        return {}
    callees = mesh.services[instance.service].calls
    return {callee: placement.port(call(caller(instance), callee)) for callee in callees}


def _echo(mesh: Mesh, service: Service, instance: Instance, placement: Placement) -> echo.Instance:
    calls = tuple(
        echo.Call(callee, f"{_SCHEMES[mesh.services[callee].protocol]}://{HOST}:{port}")
        for callee, port in _calls(mesh, instance, placement).items()
    )
    if service.proxyless:
        calls = tuple(echo.Call(callee, f"{SCHEME}{callee}") for callee in service.calls)
    return echo.Instance(
        service.name,
        instance.version,
        placement.port(workload(instance)),
        service.protocol,
        calls,
        replica=instance.replica,
    )


def _workload(
    mesh: Mesh,
    version: Version,
    instance: Instance,
    placement: Placement,
    more: Mapping[str, str],
) -> ProcessSpec:
    assert version.run is not None
    env = {
        **more,
        "PORT": str(placement.port(workload(instance))),
        "MESHLOOM_SERVICE": instance.service,
        "MESHLOOM_VERSION": instance.version,
        "MESHLOOM_REPLICA": str(instance.replica),
    }
    for callee, port in _calls(mesh, instance, placement).items():
        env |= _address_of(callee, port, _scheme(mesh, callee))
    if mesh.is_proxyless(instance.service):
        for callee in mesh.services[instance.service].calls:
            env[f"{_variable(callee)}_TARGET"] = f"{SCHEME}{callee}"
    return ProcessSpec(instance.id, version.run, {**env, **version.env}, version.cwd)


def _tracing(instance: Instance, otlp: str) -> dict[str, str]:
    """What an SDK of OpenTelemetry reads ("OTLP Exporter Configuration", "General SDK
    Configuration")."""
    if not otlp:
        return {}
    told = [f"service.version={instance.version}"] if instance.version else []
    told += [f"service.instance.id={instance.id}"] if instance.replica > 1 else []
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_SERVICE_NAME": instance.service,
        **({"OTEL_RESOURCE_ATTRIBUTES": ",".join(told)} if told else {}),
    }


def _address_of(callee: str, port: int, scheme: str) -> dict[str, str]:
    """``REVIEWS_URL`` and its like: how a workload finds whom it calls.

    ``REVIEWS_TARGET`` is for gRPC's channels, the same with an Envoy and without.
    """
    name = _variable(callee)
    return {
        f"{name}_TARGET": f"{HOST}:{port}",
        f"{name}_URL": f"{scheme}://{HOST}:{port}",
        f"{name}_ADDR": f"{HOST}:{port}",
        f"{name}_HOST": HOST,
        f"{name}_PORT": str(port),
    }


def _scheme(mesh: Mesh, service: str) -> str:
    """Of the service's addresses."""
    return PROTOCOLS[mesh.services[service].protocol].scheme


def _variable(callee: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", callee).upper()


def entrance(mesh: Mesh, placement: Placement, who: str, callee: str | None) -> str:
    """The address at which the requests of ``who`` enter the mesh: ``127.0.0.1:PORT``.

    Of a service with several instances, the first one's Envoy.
    """
    if who == INGRESS:
        declared = mesh.services[callee or mesh.callees(INGRESS)[0]].ingress
        assert declared is not None
        return placement.address(ingress(declared))
    first = _first(mesh, who)
    return placement.address(call(first, callee) if callee else outbound(first))


def _first(mesh: Mesh, who: str) -> Caller:
    service = mesh.services.get(who)
    return caller(next(service.instances())) if service else Caller(who, who)


def addresses(plan: Plan) -> dict[str, Any]:
    """Every address that somebody may want to use, as ``ready`` prints them."""
    mesh, placement = plan.mesh, plan.placement
    services = {}
    for service in mesh.services.values():
        scheme = _scheme(mesh, service.name)
        services[service.name] = {
            "url": f"{scheme}://{entrance(mesh, placement, CLIENT, service.name)}",
            "ingress": _at_ingress(mesh, placement, service) if service.ingress else None,
            "versions": {
                instance.label: {
                    "id": instance.id,
                    "workload": placement.address(workload(instance)),
                    "inbound": placement.address(reached(mesh, instance)),
                    "calls": {
                        callee: f"{HOST}:{port}"
                        for callee, port in _calls(mesh, instance, placement).items()
                    },
                }
                for instance in service.instances()
            },
            "dataplane": service.dataplane,
            **_outside(service),
        }
    at_edge = [entry["ingress"] for entry in services.values() if entry["ingress"]]
    return {"ingress": at_edge[0] if at_edge else None, "services": services}


def promised(draft: Draft) -> dict[str, Any]:
    """What services owe to their callers, in percent and in seconds."""
    return {
        name: {
            "availability": placed.value.availability,
            "latency": {which: time.total_seconds() for which, time in placed.value.latency},
        }
        for name, placed in draft.objectives.items()
    }


def _at_ingress(mesh: Mesh, placement: Placement, service: Service) -> str:
    tls = service.ingress is not None and service.ingress.tls is not None
    scheme = "https" if tls else _scheme(mesh, service.name)
    return f"{scheme}://{entrance(mesh, placement, INGRESS, service.name)}"


def _outside(service: Service) -> dict[str, Any]:
    """Where it is, of a service that others run."""
    return {"external": list(map(str, service.external.addresses))} if service.external else {}


def topology(plan: Plan) -> Topology:
    """What the addresses in a capture mean."""
    listeners: dict[str, Listener] = {}
    mesh, placement = plan.mesh, plan.placement
    endpoints = dict(_external_endpoints(mesh, placement))
    for alone in proxyless(mesh):
        address = placement.address(workload(alone.instance))
        endpoints[address] = Endpoint(alone.instance.service, alone.instance.version)
    for proxy in plan.proxies.values():
        for instance in proxy.inbound:
            whose = (instance.service, instance.version)
            address = placement.address(inbound(instance))
            listeners[address] = Listener(proxy.node, "inbound", *whose)
            for key in (inbound(instance), workload(instance)):
                endpoints[placement.address(key)] = Endpoint(*whose)
        for who in proxy.callers:
            keys = [outbound(who), *(call(who, to) for to in mesh.callees(who.name))]
            at = Listener(proxy.node, "outbound", who.name, who.version)
            listeners |= {placement.address(key): at for key in keys}
        if proxy.ingress:
            declared = (service.ingress for service in mesh.services.values())
            keys = [ingress(each) for each in declared if each]
            at = Listener(proxy.node, "ingress", INGRESS)
            listeners |= {placement.address(key): at for key in keys}
    return Topology(listeners, endpoints)


def _external_endpoints(mesh: Mesh, placement: Placement) -> Iterator[tuple[str, Endpoint]]:
    """By address, what others run; the egress gateway's port stands for what is behind it."""
    for service in mesh.services.values():
        for each in service.external.addresses if service.external else ():
            yield str(each), Endpoint(service.name)
        if service.external and mesh.egress:
            yield placement.address(at_egress(service.name)), Endpoint(service.name)
