"""The health of endpoints: how it is to be checked, and how EDS tells it.

A check is a ``ClusterHealthCheck`` of ``envoy/service/health/v3/hds.proto``, made of the endpoints
that EDS serves; what was found goes back into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from xds_server import mirror, protos
from xds_server.clients.addresses import text_of
from xds_server.errors import ResourceError
from xds_server.resource import Resource, ResourceType

HTTP, TCP, REDIS = "HTTP", "TCP", "REDIS"  # hds.proto, Capability.Protocol
_NEEDS = {"http_health_check": HTTP, "grpc_health_check": HTTP, "tcp_health_check": TCP}


class Health(IntEnum):
    """``envoy.config.core.v3.HealthStatus``; UNKNOWN is what nobody has said anything about."""

    UNKNOWN, HEALTHY, UNHEALTHY, DRAINING, TIMEOUT, DEGRADED = range(6)


@dataclass(frozen=True, slots=True)
class ClusterCheck:
    """A cluster whose endpoints are to be checked. ``body`` is its ``ClusterHealthCheck``.

    ``endpoints`` are its addresses, ``needs`` the protocols that a checker has to speak.
    """

    cluster: str
    body: bytes
    endpoints: frozenset[str]
    needs: frozenset[str]

    @classmethod
    def of(cls, endpoints: Resource, *checks: protos.core.HealthCheck) -> ClusterCheck:
        """The endpoints of a ``ClusterLoadAssignment``, checked in each of these ways.

        Raises ``ResourceError`` for a resource of another type, and for no checks at all.
        """
        assignment = _assignment(endpoints)
        if not checks:
            raise ResourceError(f"{endpoints.name}: got no health checks, wanted at least one")
        message: Any = mirror.mirror_class(protos.health.ClusterHealthCheck)()
        message.cluster_name = assignment.cluster_name
        for check in checks:
            message.health_checks.add().MergeFromString(mirror.serialize(check))
        for place in assignment.endpoints:
            added = message.locality_endpoints.add()
            added.locality.CopyFrom(place.locality)
            for each in place.lb_endpoints:
                added.endpoints.add().CopyFrom(each.endpoint)
        addresses = (text_of(e.endpoint.address) for e in _endpoints(assignment))
        needs = (_NEEDS.get(each.WhichOneof("health_checker")) for each in message.health_checks)
        return cls(
            assignment.cluster_name,
            message.SerializeToString(deterministic=True),
            frozenset(addresses),
            frozenset(filter(None, needs)),
        )


def _assignment(endpoints: Resource) -> Any:
    if endpoints.type is not ResourceType.ENDPOINT:
        raise ResourceError(f"{endpoints.name}: got a {endpoints.type.title}, wanted endpoints")
    return mirror.parse(protos.endpoint.ClusterLoadAssignment, endpoints.body)


def _endpoints(assignment: Any) -> Iterable[Any]:
    return (each for place in assignment.endpoints for each in place.lb_endpoints)


def with_health(endpoints: Resource, health: Mapping[str, Health]) -> Resource:
    """A ``ClusterLoadAssignment`` in which each endpoint has the health that was found.

    ``health`` is by address, as ``HealthChecks.health`` has it. What nothing is known of stays as
    it is, and so does what was taken out by hand (DRAINING, UNHEALTHY). The same resource comes
    back where nothing changes. Raises ``ResourceError`` for a resource of another type.
    """
    assignment = _assignment(endpoints)
    for each in _endpoints(assignment):
        found = health.get(text_of(each.endpoint.address), Health.UNKNOWN)
        if found and each.health_status in (Health.UNKNOWN, Health.HEALTHY):
            each.health_status = found
    body = assignment.SerializeToString(deterministic=True)
    if body == endpoints.body:
        return endpoints
    made = Resource.of_bytes(endpoints.type, endpoints.name, body, origins=endpoints.origins)
    return made.known_as(*endpoints.aliases) if endpoints.aliases else made
