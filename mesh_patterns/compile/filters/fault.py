"""Faults as Envoy's fault filter has them.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter
"""

from __future__ import annotations

from mesh_patterns.compile.values import fractional, header_matcher
from mesh_patterns.draft import Fault
from xds_server.protos import common_fault, fault

ROUTE_FAULT = "envoy.filters.http.fault"  # does nothing until a route gives it something to do


def message(meaning: Fault) -> fault.HttpFault:
    """The filter's configuration, or a route's."""
    delay = meaning.delay and common_fault.FaultDelay(
        fixed_delay=meaning.delay, percentage=fractional(meaning.delay_percent)
    )
    abort = None
    if meaning.abort_status is not None:
        percent = fractional(meaning.abort_percent)
        abort = fault.FaultAbort(http_status=meaning.abort_status, percentage=percent)
    elif meaning.abort_grpc_status is not None:
        percent = fractional(meaning.abort_percent)
        abort = fault.FaultAbort(grpc_status=meaning.abort_grpc_status, percentage=percent)
    headers = [header_matcher(name, match) for name, match in meaning.headers]
    return fault.HttpFault(delay=delay or None, abort=abort, headers=headers)
