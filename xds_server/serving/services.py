"""The discovery services by name: which method serves which type, on a stream of its own or not.

Method names are those of Envoy's service definitions (xDS protocol, "RPC services and methods for
each variant"). Virtual hosts are served as Delta only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xds_server.resource import ResourceType

SOTW, DELTA = "SotW", "Delta"


@dataclass(frozen=True, slots=True)
class Service:
    """``type`` is what all of its streams are about; ``None``: each request says it."""

    name: str
    noun: str  # in its methods' names: StreamClusters, DeltaClusters
    type: ResourceType | None
    variants: tuple[str, ...] = (SOTW, DELTA)

    def methods(self) -> Iterator[tuple[str, str]]:
        """Each method's name and the variant of the protocol that it speaks."""
        for variant in self.variants:
            yield f"{'Stream' if variant == SOTW else variant}{self.noun}", variant


_PACKAGE = "envoy.service"
ADS = Service(
    f"{_PACKAGE}.discovery.v3.AggregatedDiscoveryService", "AggregatedResources", type=None
)
SERVICES = (
    ADS,
    Service(f"{_PACKAGE}.cluster.v3.ClusterDiscoveryService", "Clusters", ResourceType.CLUSTER),
    Service(f"{_PACKAGE}.endpoint.v3.EndpointDiscoveryService", "Endpoints", ResourceType.ENDPOINT),
    Service(f"{_PACKAGE}.listener.v3.ListenerDiscoveryService", "Listeners", ResourceType.LISTENER),
    Service(f"{_PACKAGE}.route.v3.RouteDiscoveryService", "Routes", ResourceType.ROUTE),
    Service(
        f"{_PACKAGE}.route.v3.ScopedRoutesDiscoveryService",
        "ScopedRoutes",
        ResourceType.SCOPED_ROUTE,
    ),
    Service(
        f"{_PACKAGE}.route.v3.VirtualHostDiscoveryService",
        "VirtualHosts",
        ResourceType.VIRTUAL_HOST,
        variants=(DELTA,),
    ),
    Service(f"{_PACKAGE}.secret.v3.SecretDiscoveryService", "Secrets", ResourceType.SECRET),
    Service(f"{_PACKAGE}.runtime.v3.RuntimeDiscoveryService", "Runtime", ResourceType.RUNTIME),
    Service(
        f"{_PACKAGE}.extension.v3.ExtensionConfigDiscoveryService",
        "ExtensionConfigs",
        ResourceType.EXTENSION_CONFIG,
    ),
)

_NAMES = frozenset(each.name for each in SERVICES)


def is_discovery(method: str) -> bool:
    """Whether a method, by its full name (``/package.Service/Method``), is one of discovery."""
    return method.removeprefix("/").partition("/")[0] in _NAMES
