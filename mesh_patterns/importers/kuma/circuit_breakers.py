"""MeshCircuitBreaker: limits, and hosts that fail.

https://kuma.io/docs/latest/policies/meshcircuitbreaker/
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.kuma.taken import is_on, leftovers, number, taken
from mesh_patterns.importers.kuma.world import Source
from mesh_yaml.node import Node

_LIMITS = {
    "maxConnections": "max_connections", "maxPendingRequests": "max_pending_requests",
    "maxRetries": "max_retries", "maxRequests": "max_requests",
}  # fmt: skip
_TIMES = {
    "interval": "interval", "baseEjectionTime": "base_ejection_time",
    "maxEjectionPercent": "max_ejection_percent",
}  # fmt: skip
_OUTLIER = (
    *_TIMES, "disabled", "splitExternalAndLocalErrors", "detectors", "healthyPanicThreshold"
)  # fmt: skip
_DETECTORS = {
    "totalFailures": "consecutive_5xx", "gatewayFailures": "consecutive_gateway_failure",
    "localOriginFailures": "consecutive_local_origin_failure",
}  # fmt: skip
_VOLUME = {"minimumHosts": "minimum_hosts", "requestVolume": "request_volume"}


def check(conf: Node, source: Source) -> None:
    """Tell what is left out of it."""
    leftovers(conf, ("connectionLimits", "outlierDetection"), source)
    limits = conf.get("connectionLimits") or Node(None, conf.place)
    leftovers(limits, _LIMITS, source, "connectionLimits.")
    outlier = conf.get("outlierDetection") or Node(None, conf.place)
    leftovers(outlier, _OUTLIER, source, "outlierDetection.")
    detectors = outlier.get("detectors") or Node(None, conf.place)
    known = (*_DETECTORS, "successRate", "failurePercentage")
    leftovers(detectors, known, source, "outlierDetection.detectors.")
    split = outlier.get("splitExternalAndLocalErrors")
    local = detectors.get("localOriginFailures")
    if local is not None and not (split is not None and split.value is True):
        what = "localOriginFailures without splitExternalAndLocalErrors, which mean nothing"
        source.approximate(what, local)


def limits(conf: Node) -> dict[str, Any]:
    """What may be open."""
    return taken(conf.get("connectionLimits"), _LIMITS)


def outliers(conf: Node) -> dict[str, Any]:
    """Whom to leave out."""
    if not is_on(conf, "outlierDetection"):
        return {}
    outlier = conf.find("outlierDetection")
    made = taken(outlier, _TIMES)
    detectors = outlier.get("detectors")
    split = outlier.get("splitExternalAndLocalErrors")
    for theirs, ours in _DETECTORS.items():
        local = theirs == "localOriginFailures"
        if detectors is None or (local and not (split is not None and split.value is True)):
            continue
        detector = detectors.get(theirs)
        if detector is not None:
            made |= taken(detector, {"consecutive": ours}) or {ours: 5}
    return made | _by_rate(detectors)


def _by_rate(detectors: Node | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    rate = detectors.get("successRate") if detectors is not None else None
    if rate is not None and isinstance(rate.value, dict):
        made["success_rate"] = taken(rate, _VOLUME)
        factor = number(rate.get("standardDeviationFactor"))
        if factor is not None:
            made["success_rate"]["stdev_factor"] = factor
        made["success_rate"] = made["success_rate"] or True
    share = detectors.get("failurePercentage") if detectors is not None else None
    if share is not None and isinstance(share.value, dict):
        made["failure_percentage"] = {
            "threshold": 85, **taken(share, {**_VOLUME, "threshold": "threshold"})
        }  # fmt: skip
    return made


def panic(conf: Node) -> dict[str, Any]:
    """With how few good hosts all are used, which is said of load balancing here."""
    if not is_on(conf, "outlierDetection"):
        return {}
    return taken(conf.get("outlierDetection"), {"healthyPanicThreshold": "panic_threshold"})
