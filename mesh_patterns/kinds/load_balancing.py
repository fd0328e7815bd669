"""Load balancing: which host of a service gets a request.

Envoy: ``Cluster.lb_policy`` and, for ``ring_hash`` and ``maglev``, ``RouteAction.hash_policy``, at
the caller. Requests of one hash stay at one host, and where a canary splits them, at one version.
``client_side_weighted_round_robin`` goes by what hosts say of their load in the header
``endpoint-load-metrics`` (ORCA); until they say something they take turns.
<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers>
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import HashKey, LoadBalancing, SlowStart, Utilization
from mesh_patterns.spec import Locality, PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import AlsoWritten, OneOrMore, SomeText, Spec
from mesh_yaml.suggest import suggest
from mesh_yaml.values import Duration, Percent, SomeTime

MAX_RING = 8 * 1024 * 1024  # Envoy's own
MAX_TABLE = 5_000_011
SHORTEST_UPDATE = timedelta(milliseconds=100)  # what is less, Envoy takes for this
HASHED = ("ring_hash", "maglev")
Policy = Literal[
    "round_robin",
    "least_request",
    "random",
    "ring_hash",
    "maglev",
    "client_side_weighted_round_robin",
]
BY_LOAD = "client_side_weighted_round_robin"
TURNS = ("round_robin", "least_request", BY_LOAD)


class HashKeySpec(Spec):
    """What of a request is hashed; exactly one of these."""

    header: SomeText | None = None
    cookie: SomeText | None = None
    query: SomeText | None = Field(None, description="the parameter's name")
    source_ip: Literal[True] | None = Field(None, description="of whoever connects")
    ttl: Duration | None = Field(
        None, description="Envoy makes the cookie where it is missing; 0s: for the session"
    )

    path: str | None = Field(
        None, pattern=r"^/[^\x00-\x20\x7f;]*$", description="of the cookie that Envoy makes; /"
    )

    @model_validator(mode="after")
    def _one(self) -> HashKeySpec:
        given = [name for name in _KEYS if getattr(self, name) is not None]
        if len(given) != 1:
            wanted, got = ", ".join(_KEYS), " and ".join(given) or "none"
            raise ValueError(f"expected one of {wanted}, got {got}")
        if self.ttl is not None and self.cookie is None:
            raise ValueError("ttl is for a cookie")
        if self.path is not None and self.ttl is None:
            raise ValueError("path is of a cookie that Envoy makes: say its 'ttl'")
        return self

    def meaning(self) -> HashKey:
        if self.source_ip:
            return HashKey("source_ip")
        kind = next(name for name in _KEYS if getattr(self, name) is not None)
        name = str(getattr(self, kind))
        shown = name.lower() if kind == "header" else name
        return HashKey(kind, shown, self.ttl, self.path or "")


_KEYS = ("header", "cookie", "query", "source_ip")


def _key(value: Any) -> Any:
    """``header:x-user`` is short for ``{header: x-user}``."""
    if value == "source_ip":
        return {"source_ip": True}
    if isinstance(value, str):
        kind, _, name = value.partition(":")
        if not name.strip() or kind not in _KEYS[:3]:
            raise ValueError(
                f"expected header:NAME, cookie:NAME, query:NAME or source_ip, got {value!r}"
            )
        return {kind: name.strip()}
    return value


Key = Annotated[HashKeySpec, BeforeValidator(_key), AlsoWritten.of("string")]


def _tenth(value: timedelta) -> timedelta:
    if value < SHORTEST_UPDATE:
        raise ValueError(f"expected at least 100ms, got {value.total_seconds():g}s")
    return value


class SlowStartSpec(Spec):
    """Send a new host little at first."""

    window: Duration = Field(description="until it gets its whole share")
    aggression: float | None = Field(None, gt=0, le=100, description="more is faster; 1 if absent")
    minimum_percent: Percent | None = Field(None, description="of its share, from the start; 10")

    @model_validator(mode="after")
    def _takes_time(self) -> SlowStartSpec:
        if not self.window:
            raise ValueError("window must be more than 0s")
        return self

    def meaning(self) -> SlowStart:
        return SlowStart(self.window, self.aggression, self.minimum_percent)


class UtilizationSpec(Spec):
    """Give who is busy less."""

    metrics: list[SomeText] = Field(
        [],
        max_length=16,
        description="such as named_metrics.NAME, where no application_utilization is told; "
        "the highest counts, cpu_utilization if absent",
    )
    error_penalty: float | None = Field(
        None, ge=0, le=1000, description="of a host that fails all; 1 if absent"
    )
    blackout: Duration | None = Field(
        None, description="how long a host has to report before it counts; 10s if absent"
    )
    expiration: SomeTime | None = Field(None, description="of what it said; 3m if absent")
    update: Annotated[SomeTime, AfterValidator(_tenth)] | None = Field(
        None, description="how often weights are made anew, at least 100ms; 1s if absent"
    )

    def meaning(self) -> Utilization:
        return Utilization(
            tuple(self.metrics), self.error_penalty, self.blackout, self.expiration, self.update
        )


class LoadBalancingSpec(PatternSpec):
    """Choose between the hosts of a service."""

    on: str = Field(description=cluster_settings.ON)
    policy: Policy | None = Field(
        None, description="round_robin, or ring_hash with a hash, if absent"
    )
    hash: OneOrMore[Key] = Field(
        [], description="what keeps requests together; all that a request has count"
    )
    minimum_ring_size: int | None = Field(None, ge=1, le=MAX_RING, description="ring_hash; 1024")
    maximum_ring_size: int | None = Field(None, ge=1, le=MAX_RING, description="ring_hash; 8 Mi")
    table_size: int | None = Field(
        None, ge=2, le=MAX_TABLE, description="maglev: a prime; 65537 if absent"
    )
    choice_count: int | None = Field(
        None, ge=2, le=2**32 - 1, description="least_request: how many are compared; 2 if absent"
    )
    slow_start: SlowStartSpec | None = Field(
        None, description="for hosts that are new, where nothing is hashed nor random"
    )
    utilization: UtilizationSpec | None = Field(None, description=f"{BY_LOAD}: of which load")
    localities: dict[Locality, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        {}, max_length=64, description="the shares of REGION, or REGION/ZONE; others get nothing"
    )
    panic_threshold: Percent | None = Field(
        None, description="with fewer good hosts all are used; 50 if absent, 0: never"
    )

    @model_validator(mode="after")
    def _together(self) -> LoadBalancingSpec:
        if not self.model_fields_set - {"pattern", "on", "override"}:
            raise ValueError("says nothing; expected a policy, a hash or a panic_threshold")
        policy = self.chosen()
        if bool(self.hash) != (policy in HASHED):
            raise ValueError(f"hash is for {' and '.join(HASHED)}, which need one; got {policy}")
        for name, theirs in _OPTIONS.items():
            if getattr(self, name) is not None and theirs != policy:
                raise ValueError(f"{name} is for {theirs}, got {policy}")
        if self.slow_start is not None and policy not in TURNS:
            raise ValueError(f"slow_start is for {', '.join(TURNS)}, got {policy}")
        self._check_sizes()
        if self.localities and not any(self.localities.values()):
            raise ValueError("localities add up to 0, expected more than 0")
        return self

    def _check_sizes(self) -> None:
        low, high = self.minimum_ring_size or 1024, self.maximum_ring_size or MAX_RING
        if low > high:
            raise ValueError(f"a ring of at least {low} is not at most {high}")
        if self.table_size is not None and not _is_prime(self.table_size):
            raise ValueError(f"table_size must be a prime, got {self.table_size}")

    def chosen(self) -> str:
        return self.policy or ("ring_hash" if self.hash else "round_robin")

    def meaning(self) -> LoadBalancing:
        return LoadBalancing(
            policy=self.chosen(),
            hash=tuple(key.meaning() for key in self.hash),
            minimum_ring_size=self.minimum_ring_size,
            maximum_ring_size=self.maximum_ring_size,
            table_size=self.table_size,
            choice_count=self.choice_count,
            panic_threshold=self.panic_threshold,
            slow_start=self.slow_start.meaning() if self.slow_start else None,
            utilization=self.utilization.meaning() if self.utilization else None,
            localities=tuple(
                (tuple(name.split("/")), share) for name, share in self.localities.items()
            ),
        )


_OPTIONS = {
    "minimum_ring_size": "ring_hash",
    "maximum_ring_size": "ring_hash",
    "table_size": "maglev",
    "choice_count": "least_request",
    "utilization": BY_LOAD,
}


def _is_prime(number: int) -> bool:
    return all(number % factor for factor in range(2, int(number**0.5) + 1))


def apply(spec: LoadBalancingSpec, draft: Draft) -> None:
    set_ = Placed(spec.meaning(), spec.place(), spec.override)
    found = cluster_settings.put(draft, spec.on, spec.place("on"), "load_balancing", set_)
    for name in spec.localities:
        _check_there(spec, draft, name, {edge.callee for edge in found})


def _check_there(spec: LoadBalancingSpec, draft: Draft, name: str, callees: Iterable[str]) -> None:
    """A share of nobody is a typo."""
    wanted = tuple(name.split("/"))
    versions = [each for callee in callees for each in draft.mesh.services[callee].versions]
    if not any(each.locality[: len(wanted)] == wanted for each in versions):
        known = {"/".join(each.locality) for each in versions if each.locality}
        message = f"no host is in {name!r}{suggest(name, sorted(known))}"
        raise DocumentError.at(spec.place("localities", name), message)
