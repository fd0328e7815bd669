from __future__ import annotations

import json
from pathlib import Path

from tests.meshloom.command import inside, write

MESH = """\
mesh: {services: {web: {calls: [api]}, api: }}
patterns:
  - {pattern: timeout, on: api, after: 2s}
"""


def test_a_mesh_is_written_and_what_is_lost_is_told(tmp_path: Path) -> None:
    file, output = write(tmp_path, MESH), tmp_path / "out.yaml"
    done = inside("export", file, "--to", "kubernetes", "-o", output)
    assert (done.code, done.out) == (0, f"{output}: 2 Service, 2 Deployment: 2 warnings\n")
    lost = "3:5: warning: timeout: Kubernetes has no words for it, left out"
    assert f"{file}:{lost}\n" in done.err
    assert inside("check", output).out.startswith("2 services, 0 patterns")


def test_without_an_output_it_is_printed_and_as_json_it_is_one_object(tmp_path: Path) -> None:
    file = write(tmp_path, MESH)
    assert "kind: VirtualService" in inside("export", file, "--to", "istio").out
    told = json.loads(inside("export", file, "--to", "istio", "--json").out)
    assert told["documents"] == {"Service": 2, "Deployment": 2, "VirtualService": 1}
    assert [each["line"] for each in told["lost"]] == [1]


def test_an_unknown_dialect_is_bad_input(tmp_path: Path) -> None:
    done = inside("export", write(tmp_path, MESH), "--to", "isto")
    assert done.code == 2
    assert "did you mean" in done.err
    assert "istio" in done.err


def test_nothing_is_written_over_what_is_read(tmp_path: Path) -> None:
    file = write(tmp_path, MESH)
    done = inside("export", file, "--to", "smi", "-o", file)
    assert done.err == f"{file}:1:1: is one of the files to export; name another\n1 error\n"
    assert file.read_text() == MESH
