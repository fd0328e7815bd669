"""A mesh as its pattern files describe it: services, versions, and who calls whom.

Everything in a :class:`Mesh` is checked: names are unique, what is called exists, patterns name
services that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_patterns.external import External
from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.place import Place, Problem

if TYPE_CHECKING:
    from mesh_patterns.expect import ClaimSpec
    from mesh_patterns.spec import PatternSpec

EGRESS = "egress"  # the caller that sends to external services for all others
INGRESS = "ingress"  # the caller that stands for the outside of the mesh
CLIENT = "client"  # the caller that stands for the person at the keyboard: it may call anything
GRPC = "grpc"  # the data plane of a service without an Envoy: gRPC itself is told by xDS


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a service: ``replicas`` workloads, all alike. ``run`` is ``None`` for echoes.

    ``port`` is the first one's; the others have any.
    """

    name: str
    place: Place
    run: str | None = None
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    replicas: int = 1
    locality: tuple[str, ...] = ()  # region, zone and sub-zone, as far as it is known
    priority: int = 0  # hosts of a higher one are asked when those of the lower ones are out
    weight: int | None = None  # of each host, among the service's


Trusted = tuple[tuple[str, Path], ...]  # trust domains, and the files of their authorities


@dataclass(frozen=True, slots=True)
class IngressTls:
    """How the ingress speaks TLS: with the certificate and key of ``pair``, or one of the mesh's
    own authority. ``clients`` says whose certificates clients have to show: ``None`` asks for none,
    ``MESH_CA`` is the mesh's authority, else a file of authorities, or one for each trust domain
    whose SPIFFE ids are taken.
    """

    pair: tuple[Path, Path] | None = None
    clients: Path | Trusted | None = None
    oldest: str = "1.2"
    redirect: bool = True  # who comes in plaintext is sent to https, or else turned away

    @property
    def kind(self) -> str:
        """The same for all that may share a port."""
        clients = "mutual" if self.clients == MESH_CA else str(self.clients or "")
        if isinstance(self.clients, tuple):
            clients = ",".join(f"{domain}={file}" for domain, file in self.clients)
        parts = ["tls", clients, self.oldest.removeprefix("1.2"), "" if self.redirect else "only"]
        return "-".join(filter(None, parts))


MESH_CA = Path()


@dataclass(frozen=True, slots=True)
class Ingress:
    """How the outside reaches a service. ``port`` is ``None`` where any free one will do."""

    place: Place
    port: int | None = None
    hosts: tuple[str, ...] = ("*",)
    shared: str = "any"  # services that name no port and have this in common share one
    tls: IngressTls | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """A replica of a version of a service, as it runs. ``id`` names its Envoy too.

    The first one is called as if there were no others, so that whoever scales a version up or down
    changes no name of what stays.
    """

    service: str
    version: str
    replica: int = 1

    @property
    def id(self) -> str:
        name = f"{self.service}-{self.version}" if self.version else self.service
        return name if self.replica == 1 else f"{name}-{self.replica}"

    @property
    def label(self) -> str:
        """Which of its service's it is: ``v1``, or ``v1#2``."""
        return self.version if self.replica == 1 else f"{self.version}#{self.replica}"

    def __str__(self) -> str:
        return f"{self.service} {self.label}" if self.version else f"{self.service}{self.label}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: a name that callers use, and the versions that answer to it.

    ``dataplane`` is ``sidecar`` (behind an Envoy, its own or the mesh's one) or ``grpc``.
    """

    name: str
    place: Place
    versions: tuple[Version, ...]
    calls: tuple[str, ...] = ()
    protocol: str = "http"
    ingress: Ingress | None = None
    hosts: tuple[str, ...] = ()
    dataplane: str = "sidecar"
    external: External | None = None  # others run it; it has no versions then

    @property
    def hosts_there(self) -> int:
        """How many hosts its callers choose among."""
        return len(self.external.addresses) if self.external else sum(1 for _ in self.instances())

    @property
    def requests(self) -> bool:
        """Whether Envoy sees requests of what it speaks: HTTP, or gRPC."""
        return PROTOCOLS[self.protocol].requests

    @property
    def proxyless(self) -> bool:
        """Whether its processes speak xDS themselves, without an Envoy."""
        return self.dataplane == GRPC

    def uncounted(self, version: str | None = None) -> bool:
        """Whether nobody counts what arrives: not an Envoy, nor a built-in echo, of any version."""
        if self.external:
            return True
        asked = (each for each in self.versions if version in (None, each.name))
        return self.proxyless and any(each.run is not None for each in asked)

    def version(self, name: str) -> Version | None:
        return next((version for version in self.versions if version.name == name), None)

    def instances(self) -> Iterator[Instance]:
        return (instance for _, instance in self.workloads())

    def workloads(self) -> Iterator[tuple[Version, Instance]]:
        """Its instances, each with the version that it is one of."""
        for version in self.versions:
            for replica in range(1, version.replicas + 1):
                yield version, Instance(self.name, version.name, replica)


@dataclass(frozen=True, slots=True)
class Mesh:
    """Everything that pattern files say, checked.

    ``files`` are all that were read, the ``.wasm`` ones too: a change of any changes the mesh.
    ``warnings`` are what was approximated or ignored on the way here.
    """

    name: str
    services: Mapping[str, Service]
    dataplane: str = "sidecar"
    egress: bool = False  # what goes to external services passes an Envoy of its own
    patterns: tuple[PatternSpec, ...] = ()
    claims: tuple[ClaimSpec, ...] = ()
    files: tuple[Path, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def instances(self) -> Iterator[Instance]:
        for service in self.services.values():
            yield from service.instances()

    def is_proxyless(self, caller: str) -> bool:
        """Whether ``caller``, a service or the ingress or the client, calls without an Envoy."""
        service = self.services.get(caller)
        return service is not None and service.proxyless

    def callers(self) -> Iterator[str]:
        """Everybody who calls somebody: services with calls, the ingress, the client."""
        yield from (service.name for service in self.services.values() if service.calls)
        if any(service.ingress for service in self.services.values()):
            yield INGRESS
        yield CLIENT
        if self.egress:
            yield EGRESS

    def callees(self, caller: str) -> tuple[str, ...]:
        """Whom ``caller`` may call, in file order."""
        if caller == CLIENT:
            return tuple(self.services)
        if caller == INGRESS:
            return tuple(name for name, service in self.services.items() if service.ingress)
        if caller == EGRESS:
            return tuple(name for name, service in self.services.items() if service.external)
        return self.services[caller].calls

    def through_egress(self, caller: str, callee: str) -> bool:
        """Whether the caller's requests go to the egress gateway, and to the callee from there."""
        return self.egress and caller != EGRESS and self.services[callee].external is not None
