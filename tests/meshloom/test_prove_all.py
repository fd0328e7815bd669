"""``meshloom prove --all``: many files, some at a time; what is told of each."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

from meshloom.prove_all import prove_all
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


def test_all_is_all(tmp_path: Path) -> None:
    done = inside("prove", "--all", write(tmp_path, GOOD))
    assert done.code == 2
    assert "without files or variables" in done.err
    assert inside("prove").code == 2
