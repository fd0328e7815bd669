"""What others wrote is read, whichever of SMP's versions they wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_yaml import yaml
from mesh_yaml.place import DocumentError
from mini_mesh.smp import messages as smp
from mini_mesh.smp.read import is_smp, read, told

# As Meshery's CLI documents a test ("mesheryctl perf apply -f"), in the names of before.
MESHERY = """
smp_version: v0.0.1
id:
name: Istio Performance Test
labels: {}
clients:
  - internal: false
    load_generator: fortio
    protocol: 1
    connections: 2
    rps: 10
    headers: {}
    cookies: {}
    body: ""
    content_type: ""
    endpoint_urls:
      - http://localhost:2323/productpage
duration: "30m"
"""
CAMEL = (
    '{"smpVersion": "v0.0.1", "startTime": "2020-03-17T14:53:05Z", "actualQPS": 2.5, "testId": "a"}'
)
# A result of 2020, of the spec's own repository.
FLAT = """
start_time: 2020-03-17T14:53:05.499893378Z
end_time: 2020-03-17T17:53:05.530905194Z
exp_uuid: a0b57497-12f1-40a5-ae78-3fd3414c4a48
endpoint_url: http://192.168.1.15/productpage
env:
  kubernetes: v1.15.5
client:
  connections: 1
  rps: 0.9999971285438009
  latencies_ms:
    min: 0.012007082
    average: 0.023581708206018594
    p50: 0.021899077590884428
    p90: 0.033029247910863514
    p99: 0.055
    max: 0.350472228
metrics: {}
"""


def of(text: str) -> list[object]:
    return [each for node in yaml.parse(text, "smp.yaml") for each in told(node)]


def test_a_test_of_meshery_is_a_config() -> None:
    (config,) = of(MESHERY.replace("id:\n", "id: ''\n"))
    assert isinstance(config, smp.PerformanceTestConfig)
    assert config.duration == "30m"
    assert config.clients[0].protocol == "PROTOCOL_HTTP"
    assert config.clients[0].endpoint_urls == ["http://localhost:2323/productpage"]


def test_a_null_is_the_zero() -> None:
    (config,) = of(MESHERY)
    assert isinstance(config, smp.PerformanceTestConfig)
    assert config.id == ""


def test_names_may_be_json_s_own() -> None:
    (result,) = of(CAMEL)
    assert isinstance(result, smp.PerformanceTestResult)
    assert (result.actual_qps, result.test_id) == (2.5, "a")


def test_older_names_mean_the_same() -> None:
    text = "sidecar: {count: 20, cpu_mCores: 3000}\nmtls_enabled: true\n---\nnode: [{cores: 32}]\n"
    mesh, environment = of(text)
    assert isinstance(mesh, smp.ServiceMeshConfig)
    assert mesh.sidecar == smp.Proxies(count=20, cpu_mcores=3000)
    assert isinstance(environment, smp.EnvironmentConfig)
    assert environment.nodes == [smp.Machine(cores=32)]


def test_a_flat_result_is_result_and_config() -> None:
    result, config = of(FLAT)
    assert isinstance(result, smp.PerformanceTestResult)
    assert isinstance(config, smp.PerformanceTestConfig)
    assert result.latencies_ms is not None
    assert result.latencies_ms.p99 == 0.055
    assert config.clients[0].endpoint_urls == ["http://192.168.1.15/productpage"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clients: [{rpm: 1}]", "1:12: unknown key 'rpm'; did you mean 'rps'?"),
        ("clients: [{rps: -1}]", "1:17: rps: input should be"),
        ("clients: [{protocol: smtp}]", "expected one of http, tcp, udp, grpc"),
        ("actual_qps: .inf", "actual_qps"),
        ("hello: world", "no message of SMP"),
    ],
)
def test_what_is_wrong_has_its_line(text: str, says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        of(text)
    assert says in str(caught.value.problems[0])


def test_our_own_files_and_kubernetes_are_not_smp() -> None:
    for text in ("mesh: {}\nduration: 1s", "kind: Pod\nclients: 1", "a: 1", "[1]"):
        assert not is_smp(yaml.parse(text, "x")[0])


def test_a_file_that_is_not_there_is_said_so() -> None:
    with pytest.raises(DocumentError, match="can't be read"):
        read(Path("nowhere.yaml"))
