"""What a mesh may tell of a service: Hamlet's FederatedService, and what is taken of it.

What comes is of a mesh of somebody else: each text and each list has its limit.
https://github.com/vmware/hamlet/blob/master/api/types/v1alpha2/federated_service_v1alpha2.proto
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_SERVICES = 1000  # of one catalogue
MAX_PARTS = 100  # endpoints, instances, labels and the like, of a service
MAX_TEXT = 1024  # characters of each text
PROTOCOLS = ("HTTP", "HTTPS", "GRPC", "HTTP2", "MONGO", "TCP", "TLS", "MTLS")

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # a DNS label (RFC 1123)
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,253})")


class Unacceptable(ValueError):
    """A service that can't be taken into a catalogue; the text is what its owner is told."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is reached from outside of its mesh. ``labels`` tie instances to it."""

    address: str
    port: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """``metadata`` may have HOSTNAME, PORT and SNI: what to say to the endpoint."""

    id: str
    protocol: str
    metadata: tuple[tuple[str, str], ...] = ()
    endpoint_selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FederatedService:
    name: str
    fqdn: str
    endpoints: tuple[Endpoint, ...]
    instances: tuple[ServiceInstance, ...]
    sans: tuple[str, ...] = ()
    description: str = ""
    tags: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = field(default=())

    def endpoint_of(self, instance: ServiceInstance) -> Endpoint:
        """The first that it selects; where it selects none, it is at each (the proto's words)."""
        wanted = set(instance.endpoint_selector)
        chosen = (each for each in self.endpoints if wanted & set(each.labels))
        return next(chosen, self.endpoints[0])


def check(service: FederatedService) -> FederatedService:
    """The same, if it can be taken. Raises ``Unacceptable``."""
    if not NAME.fullmatch(service.name):
        raise Unacceptable(f"name: wanted a DNS label, got {service.name[:80]!r}")
    if not service.fqdn or not HOST.fullmatch(service.fqdn):
        raise Unacceptable(f"fqdn: wanted a host's name, got {service.fqdn[:80]!r}")
    if not service.endpoints or not service.instances:
        raise Unacceptable("wanted at least one endpoint and one instance")
    for endpoint in service.endpoints:
        if not HOST.fullmatch(endpoint.address) or not 0 < endpoint.port < 65536:
            where = f"{endpoint.address[:80]!r}:{endpoint.port}"
            raise Unacceptable(f"endpoint: wanted an address and a port, got {where}")
    for instance in service.instances:
        if instance.protocol not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            raise Unacceptable(f"protocol: wanted one of {known}, got {instance.protocol[:80]!r}")
    _check_sizes(service)
    return service


def _check_sizes(service: FederatedService) -> None:
    lists = (service.endpoints, service.instances, service.sans, service.tags, service.labels)
    if any(len(each) > MAX_PARTS for each in lists):
        raise Unacceptable(f"more than {MAX_PARTS} of a kind")
    texts: Iterable[str] = (service.description, *service.sans, *service.tags)
    if any(len(each) > MAX_TEXT for each in texts):
        raise Unacceptable(f"a text of more than {MAX_TEXT} characters")
