"""``meshloom debug`` looks at a mesh: diff, doctor, log-level and stats, at a running demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meshloom.up import DEMO
from tests.meshloom.command import MESHLOOM, get, inside, up, write

SHADOWED = """
mesh: {services: {web: {ingress: true}}}
patterns:
  - pattern: route
    on: web
    rules:
      - {match: {path: {prefix: /a}}, respond: {status: 201}}
      - {match: {path: {exact: /a/b}}, respond: {status: 202}}
"""


def test_a_mesh_that_is_well_is_said_to_be_so(demo: dict[str, Any]) -> None:
    get(demo["ingress"])
    for node in ("ingress", "productpage-v1"):
        told = inside("debug", "diff", node)
        assert (told.code, told.err) == (0, "")
        assert told.out.startswith(f"{node}: nothing differs (version ")
    told = inside("debug", "doctor", "--json")
    (found,) = told.events
    assert (told.code, found["findings"], found["well"]) == (0, [], True)
    assert set(found["nodes"]) == set(demo["envoys"])
    assert inside("debug", "diff", "nobody").code == 2


def test_files_are_looked_at_without_running_them(tmp_path: Path) -> None:
    file = write(tmp_path, SHADOWED)
    told = inside("debug", "doctor", file)
    assert told.code == 1
    assert f"✗ {file}:8:" in told.out
    assert "is never reached: route 1 takes all its requests   [shadowed-route]" in told.out
    assert inside("debug", "doctor", DEMO).code == 0


def test_levels_are_set_and_set_back(demo: dict[str, Any]) -> None:
    told = inside("debug", "log-level", "reviews", "http=debug", "--for", "50ms")
    assert told.err == ""
    nodes = [f"reviews-v{version}" for version in (1, 2, 3)]
    assert told.out.splitlines() == [
        *(f"{node}: set: http warning → debug" for node in nodes),
        *(f"{node}: set back: http debug → warning" for node in nodes),
    ]
    assert inside("debug", "log-level", "ingress").out == "ingress: warning\n"


def test_levels_are_set_back_when_it_is_interrupted(demo: dict[str, Any]) -> None:
    command = [*MESHLOOM, "debug", "log-level", "ingress", "trace", "--for", "60s", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "set"
        assert "trace" in inside("debug", "log-level", "ingress").out
        process.send_signal(signal.SIGINT)
        assert json.loads(process.stdout.readline())["event"] == "set back"
    assert process.returncode == 0
    assert inside("debug", "log-level", "ingress").out == "ingress: warning\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody",), "no node or service 'nobody'"),
        (("ingress", "htp=debug"), "no logger 'htp'"),
        (("ingress", "http=loud"), "no level 'loud'"),
        (("--for", "1s"), "--for: wanted LOGGER=LEVEL"),
    ],
)
def test_what_can_not_be_set_is_refused(
    demo: dict[str, Any], words: tuple[str, ...], said: str
) -> None:
    told = inside("debug", "log-level", *words)
    assert told.code == 2
    assert said in told.err


def test_stats_tell_what_happened_meanwhile(demo: dict[str, Any]) -> None:
    command = [*MESHLOOM, "debug", "stats", "ingress", "--until-enter", "--json",
               "--match", r"productpage.*upstream_rq_(total|time)$"]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=os.environ
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "counting; press Enter to stop\n"
        for _ in range(3):
            get(demo["ingress"])
        out, _ = process.communicate("\n", timeout=20)
    found = {(each["kind"], each["amount"]) for each in json.loads(out)["nodes"]["ingress"]}
    assert found == {("counter", 3), ("histogram", 3)}
    assert inside("debug", "stats", "--match", "(").code == 2


@pytest.mark.skipif(
    "MESHLOOM_ALL_EXAMPLES" not in os.environ, reason="MESHLOOM_ALL_EXAMPLES is not set: minutes"
)
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "file", sorted(Path(__file__).parents[3].glob("examples/*.yaml")), ids=lambda path: path.stem
)
def test_no_example_differs_from_what_it_was_sent(file: Path) -> None:
    with up(file) as mesh:
        nodes = mesh.ready()["envoys"]
        for node in nodes:
            assert inside("debug", "diff", node).code == 0
        assert inside("debug", "doctor").code == 0
