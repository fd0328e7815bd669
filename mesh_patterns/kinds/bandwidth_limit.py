"""Bandwidth limit: bytes in a second, of all requests together that pass an Envoy.

Envoy: the bandwidth limit filter; nobody is refused, everybody waits. A ``fault`` with a
``response_rate_limit`` slows each answer by itself.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/bandwidth_limit_filter
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.limits import BandwidthLimit
from mesh_patterns.rate_limits.bandwidth import Kibibytes
from mesh_yaml.place import DocumentError
from mesh_yaml.values import Duration

_SHORTEST, _LONGEST = timedelta(milliseconds=20), timedelta(seconds=1)  # Envoy's bounds


class BandwidthLimitSpec(HttpFilterSpec):
    """Limit bytes in a second."""

    limit: Kibibytes = Field(description="such as 100KiB/s or 2MiB/s")
    direction: Literal["request", "response", "both"] = "both"
    interval: Duration = Field(
        "50ms", validate_default=True, description="how often bytes are let through"
    )
    trailers: bool = Field(False, description="tell in trailers how long an answer was held back")


def apply(spec: BandwidthLimitSpec, draft: Draft) -> None:
    if not _SHORTEST <= spec.interval <= _LONGEST:
        raise DocumentError.at(spec.place("interval"), "expected 20ms to 1s")
    meaning = BandwidthLimit(spec.limit, spec.direction, spec.interval, spec.trailers)
    http_filter.add(spec, draft, "", meaning)
