"""The messages have the fields of SMP's protobuf, no more and no less."""

from __future__ import annotations

import pytest

from mini_mesh.smp import messages as smp
from mini_mesh.smp.spelling import Message

# protos/service_mesh_performance.proto, the names in their order
FIELDS: dict[type[Message], str] = {
    smp.Client: "internal load_generator protocol connections rps headers cookies body content_type"
    " endpoint_urls ssl_certificate additional_options",
    smp.PerformanceTestConfig: "smp_version id name labels clients duration",
    smp.Latency: "min average p50 p90 p99 max",
    smp.PerformanceTestResult: "smp_version id labels start_time end_time latencies_ms actual_qps"
    " details_uri test_id mesh_config_id env_id",
    smp.Proxies: "count cpu_mcores mem_mb rps bps",
    smp.MeshPolicy: "count cpu_mcores mem_mb rps cache_hit_rate",
    smp.MeshControlPlane: "count cpu_mcores mem_mb endpoints services sidecars virtual_services"
    " destination_rules lds_latency_ms cds_latency_ms",
    smp.ServiceMeshConfig: "smp_version id labels ingress_gateway sidecar mesh_telemetry"
    " mesh_policy mesh_control_plane mesh_policy_enabled mesh_telemetry_enabled mtls_enabled"
    " proxy_concurrency mesh_build proxy_build exp_group_uuid exp_uuid profile mesh_type"
    " application_metadata",
    smp.EnvironmentConfig: "smp_version id labels kubernetes_version nodes individual_workloads"
    " traffic_metadata",
}


@pytest.mark.parametrize("message", FIELDS, ids=lambda each: each.__name__)
def test_fields_are_those_of_the_spec(message: type[Message]) -> None:
    assert list(message.model_fields) == FIELDS[message].split()
