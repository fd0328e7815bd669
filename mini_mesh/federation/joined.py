"""What other meshes publish, as services of this one: a pattern file that this mesh follows.

A service of another mesh is an external one, at the other's gateway.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Any

from mesh_patterns.external import Address
from mini_mesh.federation.catalogue import HOST, FederatedService

FILE = "federated.yaml"
CARRIED = ("HTTP", "HTTP2", "GRPC")


class Joined:
    """By name, whose it is and what it is. Two meshes can't have one name here (Hamlet leaves it to
    the consumer): the first has it."""

    def __init__(self) -> None:
        self._services: dict[str, tuple[str, FederatedService]] = {}

    def take(
        self, owner: str, name: str, service: FederatedService | None, own: Collection[str]
    ) -> str:
        """``own`` are the mesh's own services. Why it is not taken; "" when it is."""
        had = self._services.get(name)
        if had is not None and had[0] != owner:
            return f"{name!r} is a service of {had[0]} here"
        if service is None:
            self._services.pop(name, None)
            return ""
        if had is None and name in own:
            return f"{name!r} is a service of this mesh"
        if why := unreachable(owner, service):
            return why
        self._services[name] = (owner, service)
        return ""

    @property
    def services(self) -> Mapping[str, FederatedService]:
        return {name: service for name, (_, service) in self._services.items()}

    def document(self) -> dict[str, Any]:
        """The pattern file's content."""
        found = sorted(self.services.items())
        return {
            "mesh": {"services": {name: _as_service(each) for name, each in found}},
            "patterns": [_as_its_owner_says(each) for _, each in found],
        }


def unreachable(owner: str, service: FederatedService) -> str:
    """Why requests can't go there; "" when they can. An owner may name itself, or this machine if
    it is here: else anybody could have this mesh send requests anywhere."""
    instance = service.instances[0]
    if instance.protocol not in CARRIED:
        return f"protocol {instance.protocol}: wanted one of {', '.join(CARRIED)}"
    if not HOST.fullmatch(_host(service)):
        return f"HOSTNAME: wanted a host's name, got {_host(service)[:80]!r}"
    host = owner.rpartition(":")[0].strip("[]")
    address = service.endpoint_of(instance).address
    if address == host or (_is_loopback(host) and _is_loopback(address)):
        return ""
    return f"endpoint {address}: wanted {host}, where its owner is"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(service: FederatedService) -> str:
    """What its owner's gateway calls it."""
    metadata = {name.upper(): value for name, value in service.instances[0].metadata}
    return metadata.get("HOSTNAME") or service.fqdn


def _as_its_owner_says(service: FederatedService) -> dict[str, Any]:
    """Whatever it is called by who asks here, it is asked there by the name that it has there."""
    rule = {"rewrite": {"host": _host(service)}}
    return {"pattern": "route", "on": service.name, "rules": [rule]}


def _as_service(service: FederatedService) -> dict[str, Any]:
    instance = service.instances[0]
    endpoint = service.endpoint_of(instance)
    protocol = {"protocol": "grpc"} if instance.protocol == "GRPC" else {}
    address = str(Address(endpoint.address, endpoint.port))
    return {**protocol, "hosts": [service.fqdn], "external": address}
