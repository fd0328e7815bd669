"""SMP's messages, field by field as in protos/service_mesh_performance.proto and metadata.proto.

Source: github.com/service-mesh-performance/service-mesh-performance. What is left out has the
type's zero, as in protobuf.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mesh_yaml.spec import Text, one_or_more
from mini_mesh.smp.spelling import Message

VERSION = "v0.0.1"
PROTOCOLS = ("invalid", "http", "tcp", "udp", "grpc")
MAX_CLIENTS = 100

Labels = dict[str, Text]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Number = Annotated[float, Field(ge=0, lt=1e15, allow_inf_nan=False)]


def _protocol(value: Any) -> Any:
    """``PROTOCOL_HTTP``, or ``http`` as it was before, or its number."""
    if isinstance(value, int) and 0 <= value < len(PROTOCOLS):
        return f"PROTOCOL_{PROTOCOLS[value].upper()}"
    word = str(value).lower().removeprefix("protocol_")
    if word not in PROTOCOLS:
        raise ValueError(f"expected one of {', '.join(PROTOCOLS[1:])}, got {value!r}")
    return f"PROTOCOL_{word.upper()}"


class Client(Message):
    internal: bool = False
    load_generator: str = ""
    protocol: Annotated[str, BeforeValidator(_protocol)] = "PROTOCOL_INVALID"
    connections: Count = 0
    rps: Annotated[int, Field(ge=0, lt=2**63)] = 0
    headers: Labels = Field(default_factory=dict)
    cookies: Labels = Field(default_factory=dict)
    body: str = ""
    content_type: str = ""
    endpoint_urls: Annotated[list[str], BeforeValidator(one_or_more)] = Field(default_factory=list)
    ssl_certificate: str = ""
    additional_options: str = ""


class PerformanceTestConfig(Message):
    smp_version: Text = ""
    id: Text = ""
    name: Text = ""
    labels: Labels = Field(default_factory=dict)
    clients: Annotated[list[Client], Field(max_length=MAX_CLIENTS)] = Field(default_factory=list)
    duration: Text = ""


class Latency(Message):
    min: Number = 0.0
    average: Number = 0.0
    p50: Number = 0.0
    p90: Number = 0.0
    p99: Number = 0.0
    max: Number = 0.0


class PerformanceTestResult(Message):
    smp_version: Text = ""
    id: Text = ""
    labels: Labels = Field(default_factory=dict)
    start_time: Text = ""
    end_time: Text = ""
    latencies_ms: Latency | None = None
    actual_qps: Number = 0.0
    details_uri: str = ""
    test_id: Text = ""
    mesh_config_id: Text = ""
    env_id: Text = ""


class Proxies(Message):
    """IngressGateway, Sidecar, and the like."""

    count: Count = 0
    cpu_mcores: Count = 0
    mem_mb: Count = 0
    rps: Count = 0
    bps: Count = 0


class MeshTelemetry(Message):
    count: Count = 0
    cpu_mcores: Count = 0
    mem_mb: Count = 0
    rps: Count = 0


class MeshPolicy(MeshTelemetry):
    cache_hit_rate: Count = 0


class MeshControlPlane(Message):
    count: Count = 0
    cpu_mcores: Count = 0
    mem_mb: Count = 0
    endpoints: Count = 0
    services: Count = 0
    sidecars: Count = 0
    virtual_services: Count = 0
    destination_rules: Count = 0
    lds_latency_ms: Count = 0
    cds_latency_ms: Count = 0


class MeshType(Message):
    type: Text = ""


class ApplicationMetadata(Message):
    application_name: Text = ""
    application_version: Text = ""
    helmchart_name: Text = ""
    helmchart_version: Text = ""
    cnabspec_version: Text = ""
    compose_version: Text = ""
    cluster_name: Text = ""
    k8s_version_supported: Text = ""
    application_protocol: Text = ""


class ServiceMeshConfig(Message):
    smp_version: Text = ""
    id: Text = ""
    labels: Labels = Field(default_factory=dict)
    ingress_gateway: Proxies | None = None
    sidecar: Proxies | None = None
    mesh_telemetry: MeshTelemetry | None = None
    mesh_policy: MeshPolicy | None = None
    mesh_control_plane: MeshControlPlane | None = None
    mesh_policy_enabled: bool = False
    mesh_telemetry_enabled: bool = False
    mtls_enabled: bool = False
    proxy_concurrency: Count = 0
    mesh_build: Text = ""
    proxy_build: Text = ""
    exp_group_uuid: Text = ""
    exp_uuid: Text = ""
    profile: Text = ""
    mesh_type: MeshType | None = None
    application_metadata: ApplicationMetadata | None = None


class Machine(Message):
    """EnvironmentConfig.Node."""

    type: Text = ""
    cores: Count = 0
    mem_mb: Count = 0


class IndividualWorkload(Message):
    name: Text = ""
    count: Count = 0
    cpu_mcores: Count = 0
    mem_mb: Count = 0


class TrafficMetadata(Message):
    load_balance_name: Text = ""
    load_balance_ip: Text = ""
    host_endpoint: Text = ""
    prometheus_url: Text = ""
    http_headers: Text = ""
    user_agent: Text = ""
    ping_health_endpoint: Text = ""


class EnvironmentConfig(Message):
    smp_version: Text = ""
    id: Text = ""
    labels: Labels = Field(default_factory=dict)
    kubernetes_version: Text = ""
    nodes: list[Machine] = Field(default_factory=list)
    individual_workloads: list[IndividualWorkload] = Field(default_factory=list)
    traffic_metadata: TrafficMetadata | None = None
