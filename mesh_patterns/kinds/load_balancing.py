"""Load balancing: which host of a service gets a request.

Envoy: ``Cluster.lb_policy`` and, for ``ring_hash`` and ``maglev``, ``RouteAction.hash_policy``, at
the caller. Requests of one hash stay at one host, and where a canary splits them, at one version.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import HashKey, LoadBalancing
from mesh_patterns.selector import edges
from mesh_patterns.spec import PatternSpec
from mesh_yaml.spec import AlsoWritten, ListOrOne, SomeText, Spec, one_or_more
from mesh_yaml.values import Duration, Percent

MAX_RING = 8 * 1024 * 1024  # Envoy's own
MAX_TABLE = 5_000_011
HASHED = ("ring_hash", "maglev")


class HashKeySpec(Spec):
    """What of a request is hashed; exactly one of these."""

    header: SomeText | None = None
    cookie: SomeText | None = None
    query: SomeText | None = Field(None, description="the parameter's name")
    source_ip: Literal[True] | None = Field(None, description="of whoever connects")
    ttl: Duration | None = Field(
        None, description="Envoy makes the cookie where it is missing; 0s: for the session"
    )

    @model_validator(mode="after")
    def _one(self) -> HashKeySpec:
        given = [name for name in _KEYS if getattr(self, name) is not None]
        if len(given) != 1:
            wanted, got = ", ".join(_KEYS), " and ".join(given) or "none"
            raise ValueError(f"expected one of {wanted}, got {got}")
        if self.ttl is not None and self.cookie is None:
            raise ValueError("ttl is for a cookie")
        return self

    def meaning(self) -> HashKey:
        if self.source_ip:
            return HashKey("source_ip")
        kind = next(name for name in _KEYS if getattr(self, name) is not None)
        name = str(getattr(self, kind))
        return HashKey(kind, name.lower() if kind == "header" else name, self.ttl)


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


class LoadBalancingSpec(PatternSpec):
    """Choose between the hosts of a service."""

    on: str = Field(description="service, or 'caller -> service'")
    policy: Literal["round_robin", "least_request", "random", "ring_hash", "maglev"] | None = Field(
        None, description="round_robin, or ring_hash with a hash, if absent"
    )
    hash: Annotated[list[Key], BeforeValidator(one_or_more), ListOrOne()] = Field(
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
        self._check_sizes()
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
        )


_OPTIONS = {
    "minimum_ring_size": "ring_hash",
    "maximum_ring_size": "ring_hash",
    "table_size": "maglev",
    "choice_count": "least_request",
}


def _is_prime(number: int) -> bool:
    return all(number % factor for factor in range(2, int(number**0.5) + 1))


def apply(spec: LoadBalancingSpec, draft: Draft) -> None:
    found = edges(draft, spec.on, spec.place("on"))
    set_ = Placed(spec.meaning(), spec.place(), spec.override)
    cluster_settings.put(draft, found, "load_balancing", set_)
