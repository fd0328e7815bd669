"""A mesh as its pattern files describe it: services, versions, and who calls whom.

Everything in a :class:`Mesh` is checked: names are unique, what is called exists, patterns name
services that are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.place import Place, Problem

if TYPE_CHECKING:
    from mesh_patterns.expect import ClaimSpec
    from mesh_patterns.spec import PatternSpec

INGRESS = "ingress"  # the caller that stands for the outside of the mesh
CLIENT = "client"  # the caller that stands for the person at the keyboard: it may call anything
GRPC = "grpc"  # the data plane of a service without an Envoy: gRPC itself is told by xDS


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a service: a workload of its own. ``run`` is ``None`` for the echo."""

    name: str
    place: Place
    run: str | None = None
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


@dataclass(frozen=True, slots=True)
class IngressTls:
    """How the ingress speaks TLS: with the certificate and key of ``pair``, or one of the mesh's
    own authority. ``clients`` says whose certificates clients have to show: ``None`` asks for none,
    ``MESH_CA`` is the mesh's authority, else a file of authorities.
    """

    pair: tuple[Path, Path] | None = None
    clients: Path | None = None
    oldest: str = "1.2"
    redirect: bool = True  # who comes in plaintext is sent to https, or else turned away

    @property
    def kind(self) -> str:
        """The same for all that may share a port."""
        clients = "mutual" if self.clients == MESH_CA else str(self.clients or "")
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
    """A version of a service, as it runs. ``id`` names its Envoy too."""

    service: str
    version: str

    @property
    def id(self) -> str:
        return f"{self.service}-{self.version}" if self.version else self.service

    def __str__(self) -> str:
        return f"{self.service} {self.version}".strip()


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
        asked = (each for each in self.versions if version in (None, each.name))
        return self.proxyless and any(each.run is not None for each in asked)

    def version(self, name: str) -> Version | None:
        return next((version for version in self.versions if version.name == name), None)

    def instances(self) -> Iterator[Instance]:
        return (Instance(self.name, version.name) for version in self.versions)


@dataclass(frozen=True, slots=True)
class Mesh:
    """Everything that pattern files say, checked.

    ``files`` are all that were read, the ``.wasm`` ones too: a change of any changes the mesh.
    ``warnings`` are what was approximated or ignored on the way here.
    """

    name: str
    services: Mapping[str, Service]
    dataplane: str = "sidecar"
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

    def callees(self, caller: str) -> tuple[str, ...]:
        """Whom ``caller`` may call, in file order."""
        if caller == CLIENT:
            return tuple(self.services)
        if caller == INGRESS:
            return tuple(name for name, service in self.services.items() if service.ingress)
        return self.services[caller].calls
