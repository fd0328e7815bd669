"""Admission control: a service whose answers fail is asked less, until they succeed again.

Envoy: the admission control filter. It refuses at random with 503, the more of the answers of the
last ``window`` have failed: ((n - s / threshold) / (n + 1)) ^ (1 / aggression), of n requests with
s successes. A request in some always goes through, and finds out that it is well again.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/admission_control_filter
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.limits import AdmissionControl
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import OneOrMore, Text
from mesh_yaml.values import Duration, Percent

Statuses = OneOrMore[Text]


class AdmissionControlSpec(HttpFilterSpec):
    """Refuse more, the more fails."""

    success: Percent = Field(95.0, description="percent that has to succeed; below it some wait")
    window: Duration = Field("30s", validate_default=True, description="that is looked at")
    aggression: float = Field(1.0, ge=1, le=100, description="more refuses sooner")
    min_rps: int = Field(0, ge=0, le=2**31 - 1, description="requests a second: fewer are let in")
    max_rejection: Percent = Field(80.0, description="percent refused at most")
    statuses: Statuses = Field(
        [], description="that are a success, such as 200 or 200..399; 100..499 if absent"
    )
    grpc_statuses: list[Annotated[int, Field(ge=0, le=16)]] = Field(
        [], description="the same of gRPC; those that Envoy takes for no fault of the server's"
    )


def apply(spec: AdmissionControlSpec, draft: Draft) -> None:
    if spec.success < 1:  # Envoy takes less for 1, and says so in no way
        raise DocumentError.at(spec.place("success"), "expected at least 1 %")
    if spec.window.total_seconds() < 1:
        raise DocumentError.at(spec.place("window"), "the window is at least 1s")
    meaning = AdmissionControl(
        spec.success,
        spec.aggression,
        spec.window,
        spec.min_rps,
        spec.max_rejection,
        tuple(_range(spec, i, text) for i, text in enumerate(spec.statuses)),
        tuple(spec.grpc_statuses),
    )
    http_filter.add(spec, draft, "", meaning)


def _range(spec: AdmissionControlSpec, index: int, text: str) -> tuple[int, int]:
    low, dots, high = text.partition("..")
    try:
        first, last = int(low), int(high if dots else low)
    except ValueError:
        first = last = 0
    if not 100 <= first <= last <= 599:
        message = f"expected a status or a range such as 200..399, got {text!r}"
        raise DocumentError.at(spec.place("statuses", index), message)
    return first, last + 1
