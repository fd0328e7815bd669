"""Outlier detection: a host that fails is left out for a while, and then tried again.

Envoy: ``Cluster.outlier_detection``, at the caller, by what it sees of its own requests. A detector
that is not named is off; when none is, five 5xx in a row are enough, as Envoy has it. While fewer
than half of a cluster's hosts are left Envoy uses all of them; see ``load_balancing`` for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft, Edge, Placed, Target
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import FailurePercentage, OutlierDetection, SuccessRate
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import Problem
from mesh_yaml.spec import AlsoWritten, Spec
from mesh_yaml.values import Percent, SomeTime

DEFAULT_5XX = 5  # Envoy's
DEFAULT_BASE = timedelta(seconds=30)

Count = Annotated[int, Field(ge=1, le=2**32 - 1)]


def _whole(percent: float) -> float:
    if percent != int(percent):
        raise ValueError(f"expected a whole percentage, got {percent:g}")
    return percent


WholePercent = Annotated[Percent, AfterValidator(_whole)]


class SuccessRateSpec(Spec):
    """Take out who answers well much less often than the others do."""

    stdev_factor: float = Field(
        1.9, ge=0, le=1000, description="standard deviations below the mean"
    )
    minimum_hosts: int = Field(5, ge=1, le=2**32 - 1)
    request_volume: int = Field(100, ge=1, le=2**32 - 1, description="of a host in an interval")
    enforcing: WholePercent = Field(100.0, description="share of the verdicts carried out")

    def meaning(self) -> SuccessRate:
        return SuccessRate(
            self.stdev_factor, self.minimum_hosts, self.request_volume, int(self.enforcing)
        )


class FailurePercentageSpec(Spec):
    """Take out who fails so often."""

    threshold: WholePercent = 85.0
    minimum_hosts: int = Field(5, ge=1, le=2**32 - 1)
    request_volume: int = Field(50, ge=1, le=2**32 - 1, description="of a host in an interval")
    enforcing: WholePercent = Field(100.0, description="share of the verdicts carried out")

    def meaning(self) -> FailurePercentage:
        return FailurePercentage(
            int(self.threshold), self.minimum_hosts, self.request_volume, int(self.enforcing)
        )


def _success_rate(value: Any) -> Any:
    """``true``: with Envoy's own numbers."""
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


def _failure_percentage(value: Any) -> Any:
    return value if isinstance(value, dict) or value is None else {"threshold": value}


class OutlierDetectionSpec(PatternSpec):
    """Leave out hosts that fail."""

    on: str = Field(description=cluster_settings.ON)
    consecutive_5xx: Count | None = Field(None, description="also what never answered")
    consecutive_gateway_failure: Count | None = Field(None, description="502, 503 and 504 only")
    consecutive_local_origin_failure: Count | None = Field(
        None, description="no connection, which is then no 5xx to the others"
    )
    success_rate: Annotated[
        SuccessRateSpec | None, BeforeValidator(_success_rate), AlsoWritten.of("boolean")
    ] = None
    failure_percentage: Annotated[
        FailurePercentageSpec | None,
        BeforeValidator(_failure_percentage),
        AlsoWritten.of("number", "string"),
    ] = None
    interval: SomeTime | None = Field(None, description="between two looks; 10s if absent")
    base_ejection_time: SomeTime | None = Field(
        None, description="times how often it was out in a row; 30s if absent"
    )
    max_ejection_time: SomeTime | None = Field(None, description="5m or the base if absent")
    max_ejection_percent: WholePercent | None = Field(
        None, description="of the hosts; if absent 10, but always one"
    )

    @model_validator(mode="after")
    def _ordered(self) -> OutlierDetectionSpec:
        base = self.base_ejection_time or DEFAULT_BASE
        if self.max_ejection_time is not None and self.max_ejection_time < base:
            raise ValueError("max_ejection_time must not be less than base_ejection_time")
        return self

    def meaning(self) -> OutlierDetection:
        some = any(getattr(self, name) is not None for name in _DETECTORS)
        limit, failures = self.max_ejection_percent, self.failure_percentage
        return OutlierDetection(
            consecutive_5xx=self.consecutive_5xx if some else DEFAULT_5XX,
            consecutive_gateway_failure=self.consecutive_gateway_failure,
            consecutive_local_origin_failure=self.consecutive_local_origin_failure,
            success_rate=self.success_rate.meaning() if self.success_rate else None,
            failure_percentage=failures.meaning() if failures else None,
            interval=self.interval,
            base_ejection_time=self.base_ejection_time,
            max_ejection_time=self.max_ejection_time,
            max_ejection_percent=None if limit is None else int(limit),
        )


_DETECTORS = (
    "consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure",
    "success_rate", "failure_percentage",
)  # fmt: skip


def apply(spec: OutlierDetectionSpec, draft: Draft) -> None:
    set_ = Placed(spec.meaning(), spec.place(), spec.override)
    found = cluster_settings.put(draft, spec.on, spec.place("on"), "outlier_detection", set_)
    version = spec.on.partition("/")[2].strip() or None
    draft.warnings.extend(_in_vain(spec, draft, found, version))


def _in_vain(
    spec: OutlierDetectionSpec, draft: Draft, found: list[Edge], version: str | None
) -> Iterator[Problem]:
    """What Envoy takes without a word, and then never does."""
    hosts = {edge.callee: _hosts(draft, Target(edge.callee, version)) for edge in found}
    yield from _never_judged(spec, hosts)
    limit = spec.max_ejection_percent
    few = [name for name, count in hosts.items() if limit is not None and 100 / count > limit]
    if few:
        yield Problem(
            spec.place("max_ejection_percent"),
            f"{limit:g}% of the hosts of {_names(few)} is less than one: none is ever taken out",
            warning=True,
        )
    alone = dict.fromkeys(
        edge.callee for edge in found if _alone(draft, edge, hosts[edge.callee], version)
    )
    if alone and not few:
        yield Problem(
            spec.place(),
            f"requests to {_names(alone)} have one host to go to; Envoy uses it also when it is "
            "out, unless 'load_balancing' has 'panic_threshold: 0'",
            warning=True,
        )


def _never_judged(spec: OutlierDetectionSpec, hosts: Mapping[str, int]) -> Iterator[Problem]:
    """Detectors that compare hosts need enough of them."""
    for name in ("success_rate", "failure_percentage"):
        given = getattr(spec, name)
        few = [each for each, count in hosts.items() if given and count < given.minimum_hosts]
        if few:
            told = f"{_names(few)} has fewer hosts than {given.minimum_hosts}: nobody is judged"
            message = f"{told}; give it a lower 'minimum_hosts'"
            yield Problem(spec.place(name), message, warning=True)
    rate = spec.success_rate
    near = [
        each
        for each, count in hosts.items()
        if rate and rate.minimum_hosts <= count <= 1 + rate.stdev_factor**2
    ]
    if near and rate:
        yield Problem(
            spec.place("success_rate"),
            f"of the hosts of {_names(near)} not even one that always fails is "
            f"{rate.stdev_factor:g} standard deviations below the mean; lower 'stdev_factor'",
            warning=True,
        )


def _hosts(draft: Draft, target: Target) -> int:
    service = draft.mesh.services[target.service]
    return len(target.instances(draft.mesh)) if target.version else service.hosts_there


def _alone(draft: Draft, edge: Edge, hosts: int, version: str | None) -> bool:
    """Whether its requests are for one host, or are split between versions of one host each."""
    placed = edge.of_cluster(version).get("load_balancing")
    panic = placed.value.panic_threshold if placed else None
    split = [each.target for each in edge.split.value] if edge.split else []
    by_version = all(each.version and len(each.instances(draft.mesh)) == 1 for each in split)
    return (hosts == 1 or (bool(split) and by_version)) and panic != 0


def _names(services: Iterable[str]) -> str:
    return ", ".join(map(repr, services))
