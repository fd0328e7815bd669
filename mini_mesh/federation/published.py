"""Which services a mesh publishes, and where others reach them: at its gateway's listeners."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mesh_yaml.suggest import suggest
from mini_mesh.federation.catalogue import NAME, Endpoint, FederatedService, ServiceInstance

GATEWAY = "gateway"


def catalogue(state: Mapping[str, Any], names: Collection[str] = ()) -> dict[str, FederatedService]:
    """Of a mesh that says ``state`` of itself: these services, or those that have an ingress.

    A service that is not there, or not now, is left out.
    """
    services = state["services"]
    chosen = names or [name for name, each in services.items() if each["ingress"]]
    domain = str(state["name"]) if NAME.fullmatch(str(state["name"])) else "mesh"
    return {name: _service(name, services[name], domain) for name in chosen if name in services}


def check(state: Mapping[str, Any], names: Collection[str]) -> None:
    """Raises ``ValueError`` for a service that the mesh has not got."""
    for name in names:
        if name not in state["services"]:
            raise ValueError(f"no service {name!r}{suggest(name, state['services'])}")


def _service(name: str, about: Mapping[str, Any], domain: str) -> FederatedService:
    """Plain HTTP at the gateway's port for this service, by the name that it has in this mesh."""
    where = str(about["url"]).removeprefix("http://")
    host, _, port = where.rpartition(":")
    fqdn = f"{name}.{domain}.mesh"
    metadata = (("HOSTNAME", name), ("PORT", port))
    instances = tuple(
        ServiceInstance(each["id"], "HTTP", metadata, (GATEWAY,))
        for each in about["versions"].values()
    )
    return FederatedService(name, fqdn, (Endpoint(host, int(port), (GATEWAY,)),), instances)
