"""``meshloom bench`` on real meshes: what it says, what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesh_yaml import yaml
from mini_mesh.smp import messages as smp
from mini_mesh.smp.read import read
from tests.meshloom.command import inside, write
from tests.mini_mesh.live import needs_envoy

MESH = """
mesh:
  services:
    web: {calls: [api], ingress: true}
    api: {}
patterns:
  - {pattern: fault, on: api, delay: {fixed: 50ms}}
  - {pattern: timeout, on: web -> api, after: 2s}
"""
SMP = """
smp_version: v0.0.1
name: short
clients:
- internal: true
  load_generator: nobody-has-this
  protocol: http
  connections: 4
  rps: 40
  headers: {x-a: "1"}
  endpoint_urls: ["http://api/a"]
duration: 500ms
"""
SHORT = ("--rate", "40", "--duration", "1s", "--warm-up", "250ms", "--generator", "meshloom")


@pytest.fixture(autouse=True)
def _envoy() -> None:
    needs_envoy()


def test_a_mesh_is_measured_with_a_pattern_and_without(tmp_path: Path) -> None:
    mesh, out = write(tmp_path, MESH), tmp_path / "out"
    done = inside("bench", mesh, *SHORT, "--without", "fault", "--score", "--json", "-o", out)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    (edge,) = told["edges"]
    assert (edge["name"], edge["requests"], edge["failed"]) == ("ingress", 40, 0)
    assert edge["p50"] > 50
    assert told["without"]["edges"][0]["p50"] < 45
    # the slow service is found at once
    assert told["own_times"][0]["service"] == "api"
    assert told["own_times"][0]["part"] > 0.8
    assert told["pushes_ms"].keys() == {"lds", "cds"}
    assert told["score"]["label"] == "MeshMark-style"
    assert told["score"]["mues"]["latency"] < 0.9
    found = {type(each): each for path in sorted(out.glob("*.yaml")) for each in read(path)}
    mesh_config = found[smp.ServiceMeshConfig]
    assert isinstance(mesh_config, smp.ServiceMeshConfig)
    plane, sidecar = mesh_config.mesh_control_plane, mesh_config.sidecar
    assert plane is not None
    assert sidecar is not None
    assert (plane.lds_latency_ms > 0, plane.cds_latency_ms > 0) == (True, True)
    assert (plane.services, plane.virtual_services) == (2, 1)
    assert (sidecar.count, sidecar.cpu_mcores > 0, sidecar.mem_mb > 0) == (2, True, True)
    compared = inside("bench", "compare", out, out)
    assert compared.code == 0
    assert "not worse" in compared.out


def test_a_test_of_smp_says_what_is_sent(tmp_path: Path) -> None:
    mesh, test = write(tmp_path, MESH), write(tmp_path, SMP, "smp.yaml")
    done = inside("bench", mesh, test, "--warm-up", "0s", "--generator", "meshloom")
    assert done.code == 0, done.err
    assert done.out.startswith("40/s for 0.5 s after 0 s of warm-up, 4 connections, by meshloom\n")
    assert "http://api/a" in done.out
    assert "lds" in done.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--to", "web -> apo"), "no service 'apo'; did you mean 'api'?"),
        (("--without", "fautl"), "no pattern 'fautl'; did you mean 'fault'?"),
        (("--url", "http://example.com/"), "'example.com' is not this machine, nor a service"),
        (("--rate", "0.0000001", "--generator", "vegata"), "no load generator 'vegata'"),
        (("--rate", "-1"), "rate: -1, wanted more than 0"),
        (("--duration", "soon"), "expected a duration"),
        (("-H", "x"), "expected NAME:VALUE"),
        (("--body", "@nowhere"), "No such file"),
        (("--weight", "cpu=x"), "expected NAME=PERCENT"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = inside("bench", write(tmp_path, MESH), *arguments)
    assert done.code == 2
    assert says in " ".join(done.err.split())


def test_a_result_is_no_test(tmp_path: Path) -> None:
    done = inside("bench", write(tmp_path, "actual_qps: 1\n", "result.yaml"))
    assert done.code == 2
    assert "no config of a test" in done.err


def test_without_files_nothing_can_be_left_out() -> None:
    done = inside("bench", "--url", "http://127.0.0.1:1/", "--without", "retries")
    assert done.code == 2
    assert "wants the files" in done.err


def test_a_url_alone_needs_no_mesh() -> None:
    done = inside("bench", "--url", "http://127.0.0.1:1/", *SHORT)
    assert done.code == 0
    assert "40 × no connection" in done.out


def test_what_is_written_is_yaml_of_the_spec(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert inside("bench", "--url", "http://127.0.0.1:1/", *SHORT, "-o", out).code == 0
    (result,) = yaml.read(out / "result.yaml")
    assert result.find("details_uri").value == "details.json"
    assert not (out / "mesh.yaml").exists()
