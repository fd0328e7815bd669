"""What is written is SMP, and what was measured."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from mini_mesh.load.histogram import ERROR, Histogram
from mini_mesh.load.load import Load, edge
from mini_mesh.load.result import EdgeResult, Result
from mini_mesh.smp import messages as smp
from mini_mesh.smp.read import read
from mini_mesh.smp.write import Run, as_json, write

URL = "http://127.0.0.1:8080/a"


def run() -> Run:
    made = edge(
        URL, method="POST", body=b"hi", headers=[("x-a", "1"), ("content-type", "text/plain")]
    )
    times = Histogram.of([1_000_000] * 99 + [9_000_000])
    result = Result([EdgeResult(URL, times, times, Counter({200: 100}))], 50.0, 2.0, 1584456785.5)
    mesh = smp.ServiceMeshConfig(id="r-mesh", sidecar=smp.Proxies(count=3))
    return Run("r", "bookinfo", Load((made,), 50.0, 2.0, 4), result, mesh, inside=True)


def test_files_are_read_again(tmp_path: Path) -> None:
    paths = write(run(), tmp_path / "new")
    found = [each for path in paths if path.suffix == ".yaml" for each in read(path)]
    config, result, mesh, environment = found
    assert isinstance(config, smp.PerformanceTestConfig)
    assert config.duration == "2s"
    (client,) = config.clients
    assert (client.rps, client.connections, client.internal) == (50, 4, True)
    assert (client.body, client.content_type, client.endpoint_urls) == ("hi", "text/plain", [URL])
    assert client.headers == {"host": "127.0.0.1:8080", "x-a": "1"}
    assert isinstance(result, smp.PerformanceTestResult)
    assert (result.test_id, result.mesh_config_id) == (config.id, "r-mesh")
    assert result.start_time == "2020-03-17T14:53:05.500000Z"
    assert result.actual_qps == 50.0
    assert result.latencies_ms is not None
    assert result.latencies_ms.p50 == pytest.approx(1.0, rel=ERROR)
    assert result.latencies_ms.max == 9.0
    assert isinstance(mesh, smp.ServiceMeshConfig)
    assert mesh.plain() == {"id": "r-mesh", "sidecar": {"count": 3}}
    assert isinstance(environment, smp.EnvironmentConfig)
    assert environment.nodes[0].cores > 0


def test_details_have_the_histograms(tmp_path: Path) -> None:
    details = write(run(), tmp_path)[-1]
    assert Result.read(json.loads(details.read_text())) == run().result


def test_as_one_object_it_is_the_same() -> None:
    assert list(as_json(run())) == ["config", "result", "mesh", "environment"]
