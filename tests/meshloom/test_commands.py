"""The commands that run nothing: check, render, schema, help, version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from mesh_yaml.yaml import parse
from meshloom import __version__
from meshloom.up import DEMO
from tests.meshloom.command import inside, write

HEAVY = ("pydantic", "grpc", "aiohttp", "wasmtime", "envoy_data_plane", "ruamel", "google.protobuf")
COMMANDS = ("up", "prove", "check", "render", "import", "schema", "tap", "wasm")
MESH = "mesh: {services: {web: {versions: {v1: , v2: }, ingress: true}}}\n"
WARNS = MESH + "patterns: [{pattern: canary, on: web, weights: {v1: 90, v2: 20}}]"


def test_help_lists_every_command_and_costs_no_heavy_import() -> None:
    script = (
        "import sys\nfrom meshloom.__main__ import app\n"
        "try: app(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_version_is_the_packages() -> None:
    assert inside("--version").out == f"meshloom {__version__}\n"


def test_a_good_file_is_counted() -> None:
    done = inside("check", DEMO)
    assert (done.code, done.err) == (0, "")
    assert done.out == "4 services, 5 patterns, 6 claims: no problems\n"


def test_a_bad_file_is_told_with_places_also_as_json(tmp_path: Path) -> None:
    file = write(tmp_path, WARNS)
    done = inside("check", file)
    message = "weights add up to 110, expected 100 (v1: 90 at 2:53, v2: 20 at 2:61)"
    assert (done.code, done.out) == (2, "")
    assert done.err == f"{file}:2:39: {message}\n1 error\n"
    done = inside("check", "--json", file)
    assert (done.code, done.err) == (2, "")
    problem = {"file": str(file), "line": 2, "column": 39, "severity": "error", "message": message}
    assert json.loads(done.out) == {"ok": False, "problems": [problem]}


def test_what_a_grpc_client_ignores_is_a_warning_at_its_line(tmp_path: Path) -> None:
    text = """\
mesh: {services: {greeter: {dataplane: grpc, calls: [shop]}, shop: {protocol: grpc}}}
patterns:
  - {pattern: retries, on: shop, per_try_timeout: 1s}
"""
    file = write(tmp_path, text)
    done = inside("check", file)
    what = "warning: a gRPC client ignores 'per_try_timeout' (service greeter, dataplane grpc)"
    assert (done.code, done.err) == (0, f"{file}:3:5: {what}\n")
    assert done.out == "2 services, 1 patterns, 0 claims: 1 warning\n"


def test_variables_win_over_the_files_own(tmp_path: Path) -> None:
    text = "vars: {share: 20}\n" + WARNS.replace("v2: 20", 'v2: "${share}"')
    file = write(tmp_path, text)
    assert inside("check", file).code == 2
    assert inside("check", file, "--var", "share=10").code == 0


def test_resources_are_rendered_with_their_lines(tmp_path: Path) -> None:
    file = write(tmp_path, WARNS.replace("20", "10"))
    done = inside("render", file, "-o", "json")
    assert (done.code, done.err) == (0, "")
    shown = json.loads(done.out)
    assert list(shown) == ["web-v1", "web-v2", "ingress"]
    types = {each["resource"]["@type"].rpartition(".")[2] for each in shown["ingress"]}
    assert types >= {"Cluster", "Listener", "RouteConfiguration"}
    origins = {place for each in shown["ingress"] for place in each["origins"].values()}
    assert f"{file}:2:39" in origins or f"{file}:2:48" in origins


def test_rendered_yaml_is_yaml_with_a_document_for_each_resource(tmp_path: Path) -> None:
    file = write(tmp_path, MESH)
    done = inside("render", file, "--node", "web-v1")
    assert (done.code, done.err) == (0, "")
    documents = [node.plain() for node in parse(done.out, "out")]
    assert len(documents) == done.out.count("---\n# web-v1: ")
    assert all(each["@type"].startswith("type.googleapis.com/envoy.") for each in documents)


def test_no_private_key_is_rendered(tmp_path: Path) -> None:
    secured = "mesh: {services: {web: }}\npatterns: [{pattern: mtls, on: web}]"
    shown = json.loads(inside("render", write(tmp_path, secured), "-o", "json").out)
    secrets = {
        each["name"]: each["resource"]["tls_certificate"]["private_key"]
        for each in (*shown["web"], *shown["ingress"])
        if "tls_certificate" in each["resource"]
    }
    hidden = {"inline_string": "[redacted]"}
    assert secrets == {"certificate:web": hidden, "certificate:client": hidden}


def test_an_unknown_node_is_told_the_nearest(tmp_path: Path) -> None:
    done = inside("render", write(tmp_path, MESH), "--node", "web-v3")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("meshloom: no Envoy 'web-v3'; did you mean 'web-v")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(("text", "right"), [(MESH, True), ("mesh: {service: {}}", False)])
def test_the_schema_knows_right_from_wrong(text: str, right: bool) -> None:
    schema = json.loads(inside("schema").out)
    (node,) = parse(text, "mesh.yaml")
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(node.plain()) is right
