"""Admission control as Envoy's filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/admission_control_filter
"""

from __future__ import annotations

from mesh_patterns.limits import AdmissionControl
from xds_server.protos import admission_control as messages
from xds_server.protos import core, envoy_type


def message(meaning: AdmissionControl) -> messages.AdmissionControl:
    """The filter's configuration; its counters are ``admission_control.…``."""
    statuses = [envoy_type.Int32Range(start=low, end=end) for low, end in meaning.statuses]
    http = messages.AdmissionControlSuccessCriteriaHttpCriteria(http_success_status=statuses)
    grpc = messages.AdmissionControlSuccessCriteriaGrpcCriteria(
        grpc_success_status=list(meaning.grpc_statuses)
    )
    return messages.AdmissionControl(
        enabled=core.RuntimeFeatureFlag(default_value=True, runtime_key="meshloom.admission"),
        success_criteria=messages.AdmissionControlSuccessCriteria(
            http_criteria=http if statuses else None,
            grpc_criteria=grpc if meaning.grpc_statuses else None,
        ),
        sampling_window=meaning.window,
        aggression=core.RuntimeDouble(
            default_value=meaning.aggression, runtime_key="meshloom.aggression"
        ),
        sr_threshold=core.RuntimePercent(
            default_value=envoy_type.Percent(value=meaning.success), runtime_key="meshloom.success"
        ),
        rps_threshold=core.RuntimeUInt32(
            default_value=meaning.min_rps, runtime_key="meshloom.min_rps"
        ),
        max_rejection_probability=core.RuntimePercent(
            default_value=envoy_type.Percent(value=meaning.max_rejection),
            runtime_key="meshloom.max_rejection",
        ),
    )
