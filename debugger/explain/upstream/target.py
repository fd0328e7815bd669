"""A cluster that a request may go to, and which of its hosts may get it.

https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/upstream/load_balancing/load_balancing
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from debugger.explain.served import Piece, Served, opened
from xds_server.resource import ResourceType

_TYPES = ("static", "strict DNS", "logical DNS", "EDS", "original destination")
_POLICIES = ("round robin", "least request", "ring hash", "random", "", "maglev", "cluster's own")
_EDS, _ORIGINAL = 3, 4

_HEALTH = ("", "healthy", "unhealthy", "draining", "timed out", "degraded")
OVERPROVISIONING = 140  # percent, unless the endpoints say otherwise
PANIC = 50.0  # percent of hosts; below it Envoy takes all for healthy
AGGREGATE = "envoy.clusters.aggregate"
LIMITS = {  # of circuit breakers, and Envoy's own values
    "max_connections": 1024,
    "max_pending_requests": 1024,
    "max_requests": 1024,
    "max_retries": 3,
}


class Host(Struct, frozen=True):
    """An endpoint. ``health`` is as the control plane says, "" where it says nothing."""

    address: str
    priority: int = 0
    health: str = ""
    weight: int = 1
    zone: str = ""


class Target(Struct, frozen=True):
    """A cluster, ``weight`` of ``total`` for this route. ``chosen`` is the line that chose it.

    ``found``: it was served; else it may be of the bootstrap. ``hosts`` are all, ``choosable``
    those that may get a request; ``None``: any, or nobody knows. ``limits`` are the circuit
    breakers that the cluster sets, ``lines`` where its parts come from. An aggregate has
    ``members``, one of which is what Envoy calls the cluster.
    """

    name: str
    weight: int = 1
    total: int = 1
    chosen: str = ""
    found: bool = False
    kind: str = ""
    policy: str = ""
    place: str = ""
    hosts: tuple[Host, ...] = ()
    choosable: tuple[str, ...] | None = None
    why: str = ""
    limits: dict[str, int] = {}
    lines: dict[str, str] = {}
    connect_timeout: float = 5.0
    members: tuple[str, ...] = ()

    def limit(self, name: str) -> int:
        """One circuit breaker's limit; Envoy's own value where the cluster sets none."""
        return self.limits.get(name, LIMITS[name])


def target(served: Served, name: str, priority: int = 0) -> Target:
    """What the snapshot says of the cluster, whoever is sent there. ``priority`` is the route's."""
    key = f"cluster {name} {priority}"
    found: Target = served.remember(key, lambda: _target(served, name, priority))
    return found


def _target(served: Served, name: str, priority: int) -> Target:
    piece = served.get(ResourceType.CLUSTER, name)
    if piece is None:
        return Target(name, why="no such cluster was served; the bootstrap may have it")
    cluster = piece.message
    assignment = _assignment(served, piece)
    hosts = tuple(_hosts(assignment.message)) if assignment is not None else ()
    choosable, why = _choosable(cluster, assignment and assignment.message, hosts)
    timeout = cluster.connect_timeout
    index, limits = _limits(cluster, priority)
    members = _members(cluster)
    return Target(
        name,
        found=True,
        kind="aggregate" if members else _word(_TYPES, cluster.type),
        policy=_policy(cluster),
        place=piece.place(),
        hosts=hosts,
        choosable=choosable,
        why=why,
        limits=limits,
        lines={
            "circuit_breakers": piece.place(f"circuit_breakers.thresholds[{index}]"),
            "lb_policy": piece.place("lb_policy"),
            "outlier_detection": piece.place("outlier_detection"),
            "endpoints": assignment.place() if assignment is not None else piece.place(),
        },
        connect_timeout=timeout.seconds + timeout.nanos / 1e9
        if cluster.HasField("connect_timeout")
        else 5.0,
        members=members,
    )


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if 0 <= number < len(words) else str(number)


def _assignment(served: Served, piece: Piece) -> Piece | None:
    """The cluster's endpoints: its own, or those that came apart from it."""
    cluster = piece.message
    if cluster.type == _EDS:
        name = cluster.eds_cluster_config.service_name or cluster.name
        return served.get(ResourceType.ENDPOINT, name)
    own = Piece(piece.kind, piece.name, piece.version, cluster.load_assignment, piece.origins)
    return own if cluster.HasField("load_assignment") else None


def _hosts(assignment: Any) -> Iterator[Host]:
    for locality in assignment.endpoints:
        for each in locality.lb_endpoints:
            weight = (
                each.load_balancing_weight.value if each.HasField("load_balancing_weight") else 1
            )
            address = address_of(each.endpoint.address)
            health = _word(_HEALTH, each.health_status)
            yield Host(address, locality.priority, health, weight, locality.locality.zone)


def address_of(address: Any) -> str:
    """``ip:port``, or the path of a Unix socket, or the name of an internal listener."""
    kind = address.WhichOneof("address")
    if kind == "socket_address":
        told = address.socket_address
        host = f"[{told.address}]" if ":" in told.address else told.address
        return f"{host}:{told.port_value}"
    if kind == "pipe":
        return str(address.pipe.path)
    return str(address.envoy_internal_address.server_listener_name) if kind else ""


def _choosable(
    cluster: Any, assignment: Any, hosts: tuple[Host, ...]
) -> tuple[tuple[str, ...] | None, str]:
    """The addresses that may get a request, and why they; ``None``: nobody knows."""
    if members := _members(cluster):
        return None, f"the health of {', then '.join(members)} decides"
    if cluster.type == _ORIGINAL or cluster.HasField("cluster_type"):
        return None, "its hosts are not in its config"
    if cluster.type not in (0, _EDS):
        return None, "DNS tells its hosts"
    if not hosts:
        return (), "it has no endpoints" if assignment is not None else "no endpoints were served"
    if cluster.health_checks or cluster.HasField("outlier_detection"):
        return _addresses(hosts), "health checks and ejections decide which"
    chosen = _by_health(hosts, _factor(assignment), _panic(cluster))
    return _addresses(chosen), ""


def _addresses(hosts: Sequence[Host]) -> tuple[str, ...]:
    return tuple(each.address for each in hosts)


def _factor(assignment: Any) -> int:
    policy = assignment.policy
    given = policy.HasField("overprovisioning_factor")
    return int(policy.overprovisioning_factor.value) if given else OVERPROVISIONING


def _panic(cluster: Any) -> float:
    common = cluster.common_lb_config
    if not common.HasField("healthy_panic_threshold"):
        return PANIC
    return float(common.healthy_panic_threshold.value)


def _by_health(hosts: Sequence[Host], factor: int, panic: float) -> list[Host]:
    """Those of the priorities that get load: each takes what its healthy hosts can carry.

    https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/upstream/load_balancing/priority
    """
    found: list[Host] = []
    left = 100
    for priority in sorted({each.priority for each in hosts}):
        here = [each for each in hosts if each.priority == priority]
        healthy = [each for each in here if each.health in ("", "healthy")]
        degraded = [each for each in here if each.health == "degraded"]
        carried = min(100, (len(healthy) + len(degraded)) * factor // len(here))
        if carried:
            in_panic = len(healthy) + len(degraded) < len(here) * panic / 100
            found += here if in_panic else healthy + degraded
        left -= carried
        if left <= 0:
            return found
    return found or (list(hosts) if panic > 0 else [])


def _limits(cluster: Any, priority: int) -> tuple[int, dict[str, int]]:
    """The thresholds of a routing priority, and which of the cluster's they are."""
    for index, each in enumerate(cluster.circuit_breakers.thresholds):
        if each.priority == priority:
            given = {name: getattr(each, name).value for name in LIMITS if each.HasField(name)}
            return index, given
    return 0, {}


def _policy(cluster: Any) -> str:
    for each in cluster.load_balancing_policy.policies:
        name = str(each.typed_extension_config.name)
        return name.removeprefix("envoy.load_balancing_policies.").replace("_", " ")
    return _word(_POLICIES, cluster.lb_policy)


def _members(cluster: Any) -> tuple[str, ...]:
    """The clusters of an aggregate."""
    if cluster.cluster_type.name != AGGREGATE:
        return ()
    config = opened(cluster.cluster_type.typed_config)
    return tuple(config.clusters) if config is not None else ()
