"""``meshloom prove``: exit codes, and what people, programs and CI systems read."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

from tests.meshloom.command import MESHLOOM, PATIENCE, inside, marks_below, meshloom, orphans, write
from tests.mini_mesh.live import needs_envoy

HOLDS = """
mesh: {services: {web: {ingress: true}}}
patterns:
  - {pattern: fault, on: web, abort: {status: 418}, when: {headers: {pot: tea}}}
expect:
  - {claim: a page, status: 200}
"""
LIES = HOLDS + "  - {claim: a & b, headers: {pot: tea}, send: 2, status: 200, within: <= 1s}\n"


@pytest.fixture(autouse=True)
def _envoy() -> None:
    needs_envoy()


def test_what_does_not_hold_is_told_with_place_and_evidence(tmp_path: Path) -> None:
    file, report = write(tmp_path, LIES), tmp_path / "report.xml"
    done = meshloom("prove", file, "--junit", report)
    assert (done.code, done.err) == (1, "")
    head, holds, lie, place, *evidence, third, end = done.out.splitlines()
    assert head.startswith("mesh    Envoy 1.")
    assert holds.split() == ["✓", "a", "page:", "status", "200", "1", "1"]
    assert lie.startswith("  ✗ a & b: status 200 ")
    assert lie.endswith("   0 (and 2 × 418)")
    assert place == f"      {file}:7:58"
    assert [each.split()[:2] for each in evidence] == [["418", "after"]] * 2
    assert third.startswith("  ✓ a & b: time ")
    assert end.startswith("1 of 2 claims hold   ")
    _check_junit(report, file)


def test_what_envoys_tell_is_claimed_and_a_page_shows_it(tmp_path: Path) -> None:
    claim = "  - {send: 3, status: 200, access_log: {'node == web & direction == inbound': 3}}\n"
    file, page = write(tmp_path, HOLDS + claim), tmp_path / "page.html"
    done = meshloom("prove", file, "--html", page)
    assert (done.code, done.err) == (0, "")
    assert "access log node == web & direction == inbound" in done.out
    assert "<title>mesh: 2 of 2 claims hold</title>" in page.read_text()
    assert "node == web &amp; direction == inbound" in page.read_text()


def test_a_filter_that_can_not_be_read_is_bad_input(tmp_path: Path) -> None:
    file = write(tmp_path, HOLDS + "  - {access_log: {flagz == UO: 3}}\n")
    done = inside("prove", file)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{file}:7:19: 'flagz == UO': unknown field 'flagz'; did you mean")


def test_a_page_is_of_one_mesh(tmp_path: Path) -> None:
    done = inside("prove", "--all", "--html", tmp_path / "page.html")
    assert done.code == 2
    assert "--all has none" in done.err


def _check_junit(report: Path, file: Path) -> None:
    suite = xml.parse(report).getroot()
    assert suite.tag == "testsuite"
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("mesh", "2", "1")
    good, bad = suite.findall("testcase")
    assert (good.get("name"), bad.get("name")) == ("a page", "a & b")
    assert good.find("failure") is None
    (failure,) = bad.findall("failure")
    assert failure.get("message") == "a & b: status 200: expected 2, saw 0 (and 2 × 418)"
    assert failure.text is not None
    assert failure.text.splitlines()[0] == f"{file}:7:58"
    assert "418 after" in failure.text


def test_programs_get_an_object_for_each_claim(tmp_path: Path) -> None:
    done = inside("prove", write(tmp_path, LIES), "--json")
    assert (done.code, done.err) == (1, "")
    starting, page, lie, result = done.events
    assert (starting["event"], starting["mesh"], starting["warnings"]) == ("starting", "mesh", [])
    assert (page["event"], page["title"], page["holds"]) == ("claim", "a page", True)
    (verdict,) = page["verdicts"]
    assert verdict["claim"] == "a page: status 200"
    assert (verdict["expected"], verdict["seen"], verdict["evidence"]) == ("1", "1", [])
    assert [each["holds"] for each in lie["verdicts"]] == [False, True]
    assert len(lie["verdicts"][0]["evidence"]) == 2
    assert (result["event"], result["held"], result["claims"]) == ("result", 1, 2)


def test_files_that_claim_nothing_are_proven_by_what_their_patterns_promise(
    tmp_path: Path,
) -> None:
    done = inside("prove", write(tmp_path, HOLDS.partition("expect:")[0]), "--json")
    assert (done.code, done.err) == (0, "")
    statuses = [v["claim"] for e in done.events[1:-1] for v in e["verdicts"] if v["holds"]]
    assert any("status 418" in text or "status 200" in text for text in statuses)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("{to: wob, status: 200}", "6:10: no service 'wob'; did you mean 'web'?"),
        ("{status: 200, statuses: 1}", "6:19: unknown key 'statuses'; did you mean 'status'?"),
        ("{send: 3}", "6:5: claims nothing; expected at least one of status, "),
        ("{share: {v9: 1}}", "6:14: 'web' has no version 'v9', and there is no service of that"),
        ("{status: {200: 3..1}}", "6:20: 200: the lower bound comes first, got '3..1'"),
    ],
)
def test_a_claim_that_makes_no_sense_is_bad_input(tmp_path: Path, claim: str, said: str) -> None:
    file = write(tmp_path, HOLDS.replace("{claim: a page, status: 200}", claim))
    done = inside("prove", file)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{file}:{said}")


def test_a_mesh_that_does_not_come_up_is_bad_input(tmp_path: Path) -> None:
    file = write(tmp_path, HOLDS.replace("ingress", "run: 'exit 5', ingress"))
    done = meshloom("prove", file)
    assert done.code == 2
    assert done.err.startswith(f"{file}:2:19: web: exited with 5 before it could listen on port ")
    assert len(done.err.splitlines()) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGKILL, -9)]
)
def test_it_leaves_no_orphan_when_it_is_ended_by(tmp_path: Path, number: int, code: int) -> None:
    slow = HOLDS.replace("abort: {status: 418}", "delay: {fixed: 30s}")
    file = write(tmp_path, slow.replace("status: 200", "headers: {pot: tea}, status: 200"))
    command = [*MESHLOOM, "prove", str(file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while not (marks := marks_below(process.pid)):
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (code, "", "")
    assert orphans(*marks) == set()
