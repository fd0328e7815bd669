"""Who runs where: the Envoys that a mesh needs, and the ports that they and the workloads take.

What is needed follows from the mesh alone; which port answers a need is the machine's affair
(``mini_mesh``), so a need has a key, and a :class:`Placement` maps keys to ports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mesh_patterns.model import CLIENT, EGRESS, INGRESS, Ingress, Instance, Mesh
from mesh_yaml.place import Place

HOST = "127.0.0.1"
NODE = "node"  # the one Envoy of `dataplane: node`
CAPTURES = "meshloom:captures"  # the cluster of who reads access logs; no service has a colon
# Of who takes whole requests: on one connection they would hold up the log, and the cluster's
# circuit breaker shall count nothing else.
PROCESSOR = "meshloom:ext_proc"
GATE = "meshloom:gate"
# A gRPC server asks for the listener of this name, with its "ip:port" in it; no service's name
# holds a colon. https://github.com/grpc/proposal/blob/master/A36-xds-for-servers.md#xds-protocol
SERVER_LISTENER = "inbound:%s"


Kinds = Mapping[str, Literal["envoy", "grpc"]]  # by node


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with an outbound listener: an instance of a service that calls, or the client."""

    name: str
    id: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Proxy:
    """One Envoy: whose requests it takes in and sends out, and whether it is the ingress."""

    node: str
    inbound: tuple[Instance, ...] = ()
    callers: tuple[Caller, ...] = ()
    ingress: bool = False


@dataclass(frozen=True, slots=True)
class Proxyless:
    """A workload without an Envoy: a gRPC process that is told by xDS itself. ``node`` is the id
    that it says it has.
    """

    node: str
    instance: Instance


def proxyless(mesh: Mesh) -> tuple[Proxyless, ...]:
    """The workloads of the mesh that have no Envoy."""
    return tuple(
        Proxyless(instance.id, instance)
        for service in mesh.services.values()
        if service.proxyless
        for instance in service.instances()
    )


def proxies(mesh: Mesh) -> tuple[Proxy, ...]:
    """The mesh's Envoys: a sidecar per instance and one at the edge, or one for all; besides them
    the egress gateway.
    """
    client = Caller(CLIENT, CLIENT)
    egress = (Proxy(EGRESS, callers=(Caller(EGRESS, EGRESS),)),) if mesh.egress else ()
    behind = tuple(each for each in mesh.instances() if not mesh.is_proxyless(each.service))
    sidecars = tuple(
        Proxy(instance.id, (instance,), _callers(mesh, instance)) for instance in behind
    )
    if mesh.dataplane != "node":
        return (*sidecars, Proxy(INGRESS, callers=(client,), ingress=True), *egress)
    callers = tuple(caller for sidecar in sidecars for caller in sidecar.callers)
    return (Proxy(NODE, behind, (*callers, client), ingress=True), *egress)


def caller(instance: Instance) -> Caller:
    """An instance, as who calls."""
    return Caller(instance.service, instance.id, instance.version)


def kinds(mesh: Mesh) -> Kinds:
    """Every node that the mesh's control plane serves, and what it is."""
    envoys: dict[str, Literal["envoy", "grpc"]] = {proxy.node: "envoy" for proxy in proxies(mesh)}
    return {**envoys, **{each.node: "grpc" for each in proxyless(mesh)}}


def _callers(mesh: Mesh, instance: Instance) -> tuple[Caller, ...]:
    if not mesh.services[instance.service].calls:
        return ()
    return (caller(instance),)


@dataclass(frozen=True, slots=True)
class Need:
    """A port that somebody needs; ``port`` is the one that the file asks for, if it does."""

    key: str
    port: int | None = None
    place: Place | None = None


def workload(instance: Instance) -> str:
    """The key of the port that an instance's workload listens on."""
    return f"workload:{instance.id}"


def inbound(instance: Instance) -> str:
    """The key of the port at which an instance's Envoy takes its requests."""
    return f"inbound:{instance.id}"


def reached(mesh: Mesh, instance: Instance) -> str:
    """The key of the port at which others reach an instance: its Envoy's, or its own."""
    return workload(instance) if mesh.is_proxyless(instance.service) else inbound(instance)


def outbound(caller: Caller) -> str:
    """The key of the port for any callee, chosen by the Host header."""
    return f"outbound:{caller.id}"


def call(caller: Caller, callee: str) -> str:
    """The key of the port at which ``caller`` reaches ``callee``, whatever the Host header."""
    return f"call:{caller.id}:{callee}"


def at_egress(callee: str) -> str:
    """The key of the port at which the egress gateway takes what is for an external service."""
    return call(Caller(EGRESS, EGRESS), callee)


def ingress(declared: Ingress) -> str:
    """The key of an ingress port; services that ask for none share one."""
    return f"ingress:{declared.port or declared.shared}"


def needs(mesh: Mesh) -> Iterator[Need]:
    """Every port of the mesh, in a stable order, each key once."""
    seen: set[str] = set()
    for need in _needs(mesh):
        if need.key not in seen:
            seen.add(need.key)
            yield need


def _needs(mesh: Mesh) -> Iterator[Need]:
    for service in mesh.services.values():
        if service.ingress:
            yield Need(ingress(service.ingress), service.ingress.port, service.ingress.place)
    for service in mesh.services.values():
        for version, instance in service.workloads():
            asked = version.port if instance.replica == 1 else None
            yield Need(workload(instance), asked, version.place)
            if not service.proxyless:
                yield Need(inbound(instance))
    for proxy in proxies(mesh):
        for caller in proxy.callers:
            yield Need(outbound(caller))
            yield from (Need(call(caller, callee)) for callee in mesh.callees(caller.name))


@dataclass(frozen=True, slots=True)
class Placement:
    """The port of each need, all on the loopback interface.

    ``captured``: the Envoys know a cluster :data:`CAPTURES`, and send their access logs to it.
    ``sockets``: their transport sockets have taps.
    ``processed``: they know :data:`PROCESSOR` too, and a filter can send requests to it.
    ``gated``: they know :data:`GATE`, at which requests can be held.
    ``folder`` has the sockets of the services beside them (``beside.py``).
    """

    ports: Mapping[str, int]
    captured: bool = False
    sockets: bool = False
    processed: bool = False
    gated: bool = False
    folder: Path = Path("/run/meshloom")

    def port(self, key: str) -> int:
        return self.ports[key]

    def address(self, key: str) -> str:
        return f"{HOST}:{self.ports[key]}"

    @classmethod
    def imagined(cls, mesh: Mesh, first: int = 20000) -> Placement:
        """Ports counted up from ``first``: for showing what would be, when nothing runs."""
        return cls({need.key: need.port or first + i for i, need in enumerate(needs(mesh))})
