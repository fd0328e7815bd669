"""Faults as Envoy's fault filter has them.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter
"""

from __future__ import annotations

from mesh_patterns.compile.values import fractional, header_matcher
from mesh_patterns.draft import Fault
from xds_server.protos import common_fault, fault


def message(meaning: Fault) -> fault.HttpFault:
    """The filter's configuration, or a route's."""
    headers = [header_matcher(name, match) for name, match in meaning.headers]
    return fault.HttpFault(
        delay=_delay(meaning),
        abort=_abort(meaning),
        headers=headers,
        max_active_faults=meaning.max_active,
        response_rate_limit=_rate(meaning),
    )


def _delay(meaning: Fault) -> common_fault.FaultDelay | None:
    percent = fractional(meaning.delay_percent)
    if meaning.delay:
        return common_fault.FaultDelay(fixed_delay=meaning.delay, percentage=percent)
    asked = common_fault.FaultDelayHeaderDelay()
    said = common_fault.FaultDelay(header_delay=asked, percentage=percent)
    return said if meaning.by_header else None


def _abort(meaning: Fault) -> fault.FaultAbort | None:
    percent = fractional(meaning.abort_percent)
    if meaning.abort_status is not None:
        return fault.FaultAbort(http_status=meaning.abort_status, percentage=percent)
    if meaning.abort_grpc_status is not None:
        return fault.FaultAbort(grpc_status=meaning.abort_grpc_status, percentage=percent)
    asked = fault.FaultAbortHeaderAbort()
    said = fault.FaultAbort(header_abort=asked, percentage=percent)
    return said if meaning.by_header else None


def _rate(meaning: Fault) -> common_fault.FaultRateLimit | None:
    percent = fractional(100)
    if meaning.response_kib is not None:
        fixed = common_fault.FaultRateLimitFixedLimit(limit_kbps=meaning.response_kib)
        return common_fault.FaultRateLimit(fixed_limit=fixed, percentage=percent)
    asked = common_fault.FaultRateLimitHeaderLimit()
    said = common_fault.FaultRateLimit(header_limit=asked, percentage=percent)
    return said if meaning.by_header else None


def idle() -> fault.HttpFault:
    return fault.HttpFault()


of_rule = message  # a rule of its own says the same
