"""What a caller may say of a service's hosts, and a workload of who asks it.

Values of an edge's settings (``draft.CLUSTER``) and of ``authorization`` filters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mesh_yaml.matching import StringMatch

HASTE = timedelta(milliseconds=250)
FACTOR = 1.4  # Envoy's overprovisioning factor


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """How much one caller has open at a time to the hosts of a service. ``None`` leaves Envoy's
    own limit: 1024, for retries 3.
    """

    max_connections: int | None = None
    max_pending_requests: int | None = None  # waiting for a connection
    max_requests: int | None = None  # waiting for an answer
    max_retries: int | None = None
    max_connections_per_host: int | None = None


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """How many retries a caller may have under way at a time: ``percent`` of all its requests to a
    service, but always ``min_concurrency``. With an ``interval`` those count that began in it, and
    not only those under way.
    """

    percent: float
    min_concurrency: int | None = None  # Envoy's own: 3
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Keepalive:
    """How TCP finds out that the other end has gone; ``None`` is the operating system's own."""

    idle: timedelta | None = None  # until the first question
    interval: timedelta | None = None
    probes: int | None = None  # without an answer


@dataclass(frozen=True, slots=True)
class ConnectionPool:
    """A caller's connections to the hosts of a service. ``None`` is Envoy's own.

    ``protocol`` is ``http1``, ``http2`` or ``downstream``, as whoever asks. ``ping`` is HTTP/2's:
    how often, and how long an answer may take.
    """

    connect_timeout: timedelta | None = None  # 5 s
    idle_timeout: timedelta | None = None  # 1 h; zero is none
    max_connection_duration: timedelta | None = None
    max_requests_per_connection: int | None = None
    keepalive: Keepalive | None = None
    protocol: str | None = None
    max_concurrent_streams: int | None = None  # of an HTTP/2 connection
    ping: tuple[timedelta, timedelta] | None = None

    @property
    def hasty(self) -> bool:
        """Whether a connection may be given up that only takes its time."""
        times = (self.connect_timeout, self.max_connection_duration, *(self.ping or ()))
        return any(each is not None and each < HASTE for each in times)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How a caller's Envoy asks each host of a service whether it is well.

    ``protocol`` is ``http``, ``grpc`` or ``tcp``; ``path`` and ``statuses`` (ranges, both ends in)
    are of HTTP, ``service`` is gRPC's, of its health protocol.
    """

    protocol: str
    interval: timedelta
    timeout: timedelta
    healthy: int  # good answers after which a host is well again
    unhealthy: int  # bad ones after which it is not
    path: str = "/"
    statuses: tuple[tuple[int, int], ...] = ()
    service: str = ""


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """Ejects whose share of good answers is below the mean by ``stdev_factor`` deviations."""

    stdev_factor: float = 1.9
    minimum_hosts: int = 5  # with fewer hosts to compare nothing is judged
    request_volume: int = 100  # requests in an interval, fewer say nothing of a host
    enforcing: int = 100  # percent of the verdicts that are carried out


@dataclass(frozen=True, slots=True)
class FailurePercentage:
    """Ejects whose share of failures reaches ``threshold`` percent."""

    threshold: int = 85
    minimum_hosts: int = 5
    request_volume: int = 50
    enforcing: int = 100


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """When a host is taken out for a while. A detector that is ``None`` is off.

    Without ``max_ejection_percent`` Envoy's 10 % hold, but one host may always be taken out.
    """

    consecutive_5xx: int | None = None
    consecutive_gateway_failure: int | None = None  # 502, 503 and 504 only
    # No connection, which is no 5xx to the others then. A timeout is followed by a new connection,
    # and what connects is in order again: in a row these are never.
    consecutive_local_origin_failure: int | None = None
    success_rate: SuccessRate | None = None
    failure_percentage: FailurePercentage | None = None
    interval: timedelta | None = None  # between judgements and returns; Envoy's own: 10 s
    base_ejection_time: timedelta | None = None  # times the number of ejections; 30 s
    max_ejection_time: timedelta | None = None  # 300 s, or the base if that is more
    max_ejection_percent: int | None = None


@dataclass(frozen=True, slots=True)
class HashKey:
    """What of a request decides about its host: ``kind`` is ``header``, ``cookie``, ``query`` or
    ``source_ip``. A cookie with a ``ttl`` is made by Envoy where a request has none; zero makes one
    for the session.
    """

    kind: str
    name: str = ""
    ttl: timedelta | None = None
    path: str = ""  # of the cookie that Envoy makes; empty is /


@dataclass(frozen=True, slots=True)
class SlowStart:
    """How a new host's share grows to all of it within ``window``: as time to the power of
    1 / ``aggression``, from ``minimum_percent`` on. Envoy's own: 1.0 and 10.
    """

    window: timedelta
    aggression: float | None = None
    minimum_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Utilization:
    """How hosts are weighted by how busy they say they are, in ORCA's load reports: requests a
    second by utilization, that of the application, or else the highest of ``metrics``, or of the
    CPU.
    """

    metrics: tuple[str, ...] = ()  # "named_metrics.NAME", "cpu_utilization", "mem_utilization", …
    error_penalty: float | None = None  # times the share of errors, added to the utilization; 1.0
    blackout: timedelta | None = None  # of reports until a host's weight is used; 10 s
    expiration: timedelta | None = None  # of a weight; 3 min
    update: timedelta | None = None  # between two looks; 1 s


@dataclass(frozen=True, slots=True)
class LoadBalancing:
    """Which host of a service gets a request: ``policy`` is ``round_robin``, ``least_request``,
    ``random``, ``ring_hash``, ``maglev`` or ``client_side_weighted_round_robin``.

    ``hash`` is for ``ring_hash`` and ``maglev``: the hash of all keys that a request has; one that
    has none goes to any host.
    """

    policy: str = "round_robin"
    hash: tuple[HashKey, ...] = ()
    minimum_ring_size: int | None = None  # ring_hash; Envoy's own: 1024
    maximum_ring_size: int | None = None  # 8 Mi
    table_size: int | None = None  # maglev, a prime; 65537
    choice_count: int | None = None  # least_request: how many hosts are compared; 2
    panic_threshold: float | None = None  # percent of good hosts below which all are used; 50
    slow_start: SlowStart | None = None  # where hosts have weights or turns
    utilization: Utilization | None = None  # client_side_weighted_round_robin
    localities: tuple[tuple[tuple[str, ...], int], ...] = ()  # the shares of those that have one


@dataclass(frozen=True, slots=True)
class Failover:
    """Whom of a service's hosts a caller asks first: versions in their ``order``, or who is near,
    if ``local``. ``factor`` is how much more than its share each host can take.
    """

    order: tuple[str, ...] = ()
    local: bool = False
    factor: float = FACTOR


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """How many connections a workload's Envoy has open at a time; the rest are closed after
    ``delay``, at once without one.
    """

    connections: int
    delay: timedelta | None = None


Claim = tuple[str, ...]  # the names on the way to it


@dataclass(frozen=True, slots=True)
class TokenName:
    """Whose token it is; ``None`` is any."""

    issuer: StringMatch | None = None
    subject: StringMatch | None = None


ANYBODY = "*"  # who has any certificate of the mesh


@dataclass(frozen=True, slots=True)
class Access:
    """Requests that an authorization is about. All that is given must hold; of the names, methods,
    paths, hosts and addresses one is enough, and of what one claim may be. Empty: every request.
    """

    principals: tuple[str, ...] = ()  # SPIFFE ids in the callers' certificates; ANYBODY: whichever
    methods: tuple[StringMatch, ...] = ()
    paths: tuple[StringMatch, ...] = ()  # without the query; also of kind "separated_prefix"
    hosts: tuple[StringMatch, ...] = ()  # in any case
    headers: tuple[tuple[str, StringMatch], ...] = ()
    ip_blocks: tuple[str, ...] = ()  # CIDR, of the connection's other end
    remote_ip_blocks: tuple[str, ...] = ()  # CIDR, of the client that X-Forwarded-For names
    names: tuple[StringMatch, ...] = ()  # like principals, by how they look
    tokens: tuple[TokenName, ...] = ()  # of a token that was found good
    claims: tuple[tuple[Claim, tuple[StringMatch, ...]], ...] = ()  # of one; each of these
    server_names: tuple[StringMatch, ...] = ()  # SNI
    none_of: Access | None = None  # not one of what it names may hold


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a workload's ``authorization`` filter does: ``action`` ``allow`` lets only pass what one
    of ``rules`` is about, ``deny`` all but that. ``dry_run`` counts and lets everything pass.
    """

    action: str
    rules: tuple[Access, ...]
    dry_run: bool = False
