"""Health checks: callers ask the hosts of a service whether they are well, and send to those only.

Envoy: ``Cluster.health_checks``, at every caller, of what answers at the host: for a service behind
an Envoy that is the Envoy, which passes the question on to the workload. When fewer than
``panic_threshold`` (``load_balancing``, half if absent) of the hosts are well, all are asked again.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.kinds import cluster_settings
from mesh_patterns.policy import HealthCheck
from mesh_patterns.spec import PatternSpec
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import OneOrMore
from mesh_yaml.values import Bound, Bounds, SomeTime


def _status(value: Bounds) -> Bounds:
    if value.percent or not (100 <= value.low <= value.high <= 599):
        raise ValueError(f"expected statuses such as 200 or 200..299, got {value.text!r}")
    return value


Statuses = OneOrMore[Annotated[Bound, AfterValidator(_status)]]


class HealthCheckSpec(PatternSpec):
    """Send to hosts only that say they are well."""

    on: str = Field(description=cluster_settings.ON)
    protocol: Literal["http", "grpc", "tcp"] | None = Field(
        None, description="of the question; by default what the service speaks"
    )
    path: str = Field("/", pattern=r"^/", description="of http")
    statuses: Statuses = Field([], description="that are well, such as 200..299; 200 if absent")
    service: str = Field("", description="of grpc's health protocol")
    interval: SomeTime = Field("1s", validate_default=True, description="between two questions")
    timeout: SomeTime = Field(
        "1s", validate_default=True, description="after which there is no answer"
    )
    healthy_threshold: int = Field(1, ge=1, le=1000, description="good answers in a row")
    unhealthy_threshold: int = Field(2, ge=1, le=1000, description="bad ones in a row")

    def meaning(self, protocol: str) -> HealthCheck:
        return HealthCheck(
            protocol, self.interval, self.timeout, self.healthy_threshold,
            self.unhealthy_threshold, self.path,
            tuple((round(each.low), round(each.high)) for each in self.statuses), self.service,
        )  # fmt: skip


def apply(spec: HealthCheckSpec, draft: Draft) -> None:
    found, _ = cluster_settings.reached(draft, spec.on, spec.place("on"))
    protocol = _protocol(spec, draft, sorted({edge.callee for edge in found}))
    for name, of in (("path", "http"), ("statuses", "http"), ("service", "grpc")):
        if name in spec.model_fields_set and protocol != of:
            message = f"is of {of}, and this check speaks {protocol}"
            raise DocumentError.at(spec.key_place(name), message)
    meaning = Placed(spec.meaning(protocol), spec.place(), spec.override)
    cluster_settings.put(draft, spec.on, spec.place("on"), "health_check", meaning)


def _protocol(spec: HealthCheckSpec, draft: Draft, services: Sequence[str]) -> Any:
    """In which all of these are asked. gRPC's own needs HTTP/2, which only gRPC services speak."""
    speak = {name: draft.mesh.services[name].protocol for name in services}
    others = [name for name in services if speak[name] != "grpc"]
    if spec.protocol == "grpc" and others:
        message = f"{others[0]!r} speaks {speak[others[0]]}, and can't be asked by gRPC"
        raise DocumentError.at(spec.place("protocol"), message)
    asked = {each if each in ("http", "grpc") else "tcp" for each in speak.values()}
    if spec.protocol is None and len(asked) > 1:
        message = f"these are asked by {' and '.join(sorted(asked))}; say one 'protocol' for all"
        raise DocumentError.at(spec.place("on"), f"{message}, or write a check for each")
    return spec.protocol or asked.pop()
