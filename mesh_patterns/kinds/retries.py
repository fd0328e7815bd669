"""Retries: ask again when the answer is a failure that another try may heal.

Envoy: ``RouteAction.retry_policy``. At most three retries are in flight at a time to one cluster
unless a circuit breaker or a budget says otherwise, so under concurrency fewer are made. A budget
is of retries that are under way, not of a time: who sends one request after the other has as many
as ``attempts`` says, as long as ``min_concurrency`` is not 0. With an ``interval`` the requests of
that time count too, which makes a budget wider, not narrower.
<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#retry-semantics>
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft, Placed, Retries
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import RetryBudget
from mesh_patterns.selector import edges
from mesh_patterns.spec import PatternSpec
from mesh_yaml.spec import AlsoWritten, Spec
from mesh_yaml.values import Duration, Percent, SomeTime

# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
CONDITIONS = frozenset(
    {
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure",
        "envoy-ratelimited", "retriable-4xx", "refused-stream", "retriable-status-codes",
        "retriable-headers", "http3-post-connect-failure",
        "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
    }
)  # fmt: skip


def _conditions(value: object) -> object:
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if isinstance(names, int) and not isinstance(names, bool):
        names = [names]
    for name in names if isinstance(names, list) else ():
        if str(name) not in CONDITIONS and not _is_status(name):
            known = ", ".join(sorted(CONDITIONS))
            raise ValueError(f"unknown condition {name!r}, expected a status or one of {known}")
    return names


def _is_status(name: object) -> bool:
    """A status stands for itself, as in Istio: it becomes a retriable status code."""
    return str(name).isdigit() and 100 <= int(str(name)) <= 599


class BackoffSpec(Spec):
    """How long to wait before a retry: base, doubled each time with jitter, up to max."""

    base: Duration
    max: Duration | None = None

    @model_validator(mode="after")
    def _ordered(self) -> BackoffSpec:
        if not self.base:
            raise ValueError("base must be more than 0s")
        if self.max is not None and self.max < self.base:
            raise ValueError("max must not be less than base")
        return self

    def meaning(self) -> tuple[timedelta, timedelta]:
        return self.base, self.max or self.base * 10


class RetriesOptions(Spec):
    """How to retry; a rule of a ``route`` takes these too."""

    attempts: int = Field(2, ge=0, le=100, description="retries after the first try")
    per_try_timeout: Duration | None = None
    retry_on: Annotated[
        list[str | int], BeforeValidator(_conditions), AlsoWritten.of("string", "integer")
    ] = Field(
        ["connect-failure", "refused-stream", "unavailable", "cancelled", 503],
        description="Envoy's conditions, and statuses",
    )
    backoff: BackoffSpec | None = None
    hosts: Literal["any", "other"] = Field(
        "any", description="other: rather not one that has been asked already"
    )
    priorities: Literal["any", "other"] = Field(
        "any", description="other: rather hosts of a priority that has not been asked (failover)"
    )

    def meaning(self) -> Retries:
        return Retries(
            self.attempts,
            tuple(map(str, self.retry_on)),
            self.per_try_timeout,
            self.backoff.meaning() if self.backoff else None,
            self.hosts == "other",
            self.priorities == "other",
        )


class BudgetSpec(Spec):
    """How many retries may be under way at a time, whoever asks for them."""

    percent: Percent = Field(20.0, description="of the requests that are under way")
    min_concurrency: int | None = Field(
        None, ge=0, le=2**32 - 1, description="retries that always may be; 3 if absent"
    )
    interval: SomeTime | None = Field(
        None, description="the share is of the requests of so long a time too"
    )

    def meaning(self) -> RetryBudget:
        return RetryBudget(self.percent, self.min_concurrency, self.interval)


class RetriesSpec(PatternSpec, RetriesOptions):
    """Retry requests on an edge."""

    on: str = Field(description="service, or 'caller -> service'")
    budget: BudgetSpec | None = Field(None, description="in place of circuit_breaker's max_retries")


def apply(spec: RetriesSpec, draft: Draft) -> None:
    found = edges(draft, spec.on, spec.place("on"))
    for edge in found:
        edge.put("retries", Placed(spec.meaning(), spec.place(), spec.override))
    if spec.budget is not None:
        budget = Placed(spec.budget.meaning(), spec.place("budget"), spec.override)
        cluster_settings.put_on(draft, found, None, "retry_budget", budget)
