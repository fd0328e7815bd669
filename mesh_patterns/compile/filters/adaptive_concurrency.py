"""Adaptive concurrency as Envoy's filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter
"""

from __future__ import annotations

from datetime import timedelta

from mesh_patterns.limits import AdaptiveConcurrency
from xds_server.protos import adaptive_concurrency as messages
from xds_server.protos import core, envoy_type

_CALIBRATE = timedelta(seconds=60)  # between two measurements, where nobody says


def message(meaning: AdaptiveConcurrency) -> messages.AdaptiveConcurrency:
    """The filter's configuration; its gauges are ``adaptive_concurrency.gradient_controller.…``."""
    concurrency = messages.GradientControllerConfigConcurrencyLimitCalculationParams(
        max_concurrency_limit=meaning.max_limit, concurrency_update_interval=meaning.update
    )
    least = messages.GradientControllerConfigMinimumRttCalculationParams(
        interval=None if meaning.fixed else meaning.calibrate or _CALIBRATE,
        fixed_value=meaning.fixed,
        request_count=meaning.calibration_requests,
        min_concurrency=meaning.min_concurrency,
        buffer=envoy_type.Percent(value=meaning.buffer),
    )
    return messages.AdaptiveConcurrency(
        gradient_controller_config=messages.GradientControllerConfig(
            sample_aggregate_percentile=envoy_type.Percent(value=meaning.percentile),
            concurrency_limit_params=concurrency,
            min_rtt_calc_params=least,
        ),
        enabled=core.RuntimeFeatureFlag(default_value=True, runtime_key="meshloom.adaptive"),
        concurrency_limit_exceeded_status=envoy_type.HttpStatus(
            code=envoy_type.StatusCode(meaning.status)
        ),
    )
