"""``meshloom prove --all``: many files, some at a time; what is told of each."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

from meshloom.prove_all import Outcome, prove_all
from meshloom.prove_all import inside as inside_of
from tests.meshloom.command import inside, write
from tests.mini_mesh.live import needs_envoy

GOOD = "mesh: {services: {web: }}\nexpect:\n- {claim: fine, to: web, status: 200}\n"
BAD = GOOD + "- {claim: a lie, to: web, status: 500}\n"
BROKEN = "mesh: {services: {web: {calls: [nobody]}}}\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    needs_envoy()
    found = []
    for name, text in (("good", GOOD), ("bad", BAD), ("broken", BROKEN)):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text)
        found.append(file)
    return found


def test_each_file_is_told_and_the_worst_decides(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.xml"
    assert prove_all(files, 2, False, report) == 2
    out = capsys.readouterr().out
    assert "✓ good" in out
    assert "✗ bad" in out
    assert "a lie: status 500: expected 1, saw 0 (and 1 × 200)" in out
    assert "service 'web' calls 'nobody'" in out
    assert out.splitlines()[-1].startswith("1 of 3 patterns, 2 of 3 claims hold")
    suite = xml.parse(report).getroot()
    assert {case.get("classname") for case in suite} == {"good", "bad", "broken"}
    assert suite.get("failures") == "2"


def test_what_does_not_hold_is_one_and_what_holds_is_none(files: list[Path]) -> None:
    assert prove_all(files[:2], None, True, None) == 1
    assert prove_all(files[:1], None, True, None) == 0


def test_of_a_folder_each_file_is_proven(files: list[Path]) -> None:
    folder = files[0].parent
    assert inside_of([folder]) == sorted(files)
    (folder / "deeper").mkdir()
    done = inside("prove", "--all", "--json", folder / "deeper")
    assert (done.code, done.out) == (2, "")
    assert f"{folder / 'deeper'}:1:1: has no .yaml files in it" in done.err


def test_variables_are_for_each_file(tmp_path: Path) -> None:
    needs_envoy()
    wanted = "vars: {s: 500}\n" + GOOD.replace("200", '"${s}"')
    file = write(tmp_path, wanted)
    assert inside("prove", "--all", file).code == 1
    done = inside("prove", "--all", "--json", file, "--var", "s=200")
    assert (done.code, done.events[-1]["held"]) == (0, 1)


def test_a_proof_that_is_killed_or_lasts_for_ever_does_not_hold(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("meshloom.prove_all.PATIENCE", 0.05)
    assert prove_all(files[:1], 1, False, None) == 2
    assert "was not done after 0.05 s" in capsys.readouterr().out


def test_what_luck_can_do_is_added_up(tmp_path: Path) -> None:
    verdicts = [{"luck": 0.01}, {"luck": None}, {"luck": 0.02}]
    outcome = Outcome("x", tmp_path, [{"verdicts": verdicts, "holds": True}])
    assert outcome.luck == pytest.approx(0.03)


def test_without_files_there_is_nothing_to_prove() -> None:
    done = inside("prove")
    assert (done.code, "say --all" in done.err) == (2, True)
