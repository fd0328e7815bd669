"""``meshloom wasm test``: what it prints, and its exit codes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest

import wasm_filters
from tests.meshloom.command import Done, inside

POLICY = Path(wasm_filters.__file__).parent / "filters" / "header_policy" / "header_policy.wasm"
SUITE = """\
filter: header_policy.wasm
configuration: {deny: [{path: /admin}]}
tests:
  - name: a path is denied
    request: /admin
    expect: {status: 403}
  - name: others pass
    mode: [envoy, spec]
    request: /
    expect: {status: 200}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(POLICY, tmp_path)
    (tmp_path / "tests.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Done:
    return inside("wasm", "test", *arguments)


def test_when_all_is_well_there_is_one_line(folder: Path) -> None:
    done = run()
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"3 passed   \d+\.\d\d s\n", done.out)


def test_a_failure_shows_place_expected_seen_and_trace(folder: Path) -> None:
    (folder / "tests.yaml").write_text(SUITE.replace("403", "402"))
    done = run()
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "tests.yaml"
    assert re.fullmatch(r"  ✗ a path is denied   \d+\.\d ms", lines[1])
    assert lines[2] == "      tests.yaml:6:14: status: expected 402, saw 403"
    assert lines[3].startswith("      ==> proxy_on_context_create(")
    assert re.fullmatch(r"1 failed, 2 passed   \d+\.\d\d s", lines[-1])


def test_each_test_has_a_line_when_asked_for(folder: Path) -> None:
    lines = run("-v", "tests.yaml").out.splitlines()
    assert [re.sub(r"   .*", "", line) for line in lines] == [
        "tests.yaml", "  ✓ a path is denied", "  ✓ others pass [envoy]", "  ✓ others pass [spec]",
        "3 passed",
    ]  # fmt: skip


def test_names_and_modes_choose(folder: Path) -> None:
    assert run("-k", "others and spec").out.startswith("1 passed, 2 deselected   ")
    assert run("--mode", "spec").out.startswith("2 passed   ")


def test_the_first_failure_is_the_last_when_asked_for(folder: Path) -> None:
    (folder / "tests.yaml").write_text(SUITE.replace("403", "402").replace("200", "201"))
    assert run("-x").out.splitlines()[-1].startswith("1 failed   ")


def test_json_is_an_event_a_line(folder: Path) -> None:
    (folder / "tests.yaml").write_text(SUITE.replace("403", "402"))
    failed, passed, _, result = run("--json").events
    assert failed["event"] == "test"
    assert (failed["test"], failed["mode"], failed["passed"]) == (
        "a path is denied",
        "envoy",
        False,
    )
    assert failed["findings"] == [
        {
            "file": "tests.yaml", "line": 6, "column": 14,
            "what": "status", "expected": "402", "seen": "403",
        }
    ]  # fmt: skip
    assert failed["trace"][0].startswith("==> ")
    assert (passed["line"], passed["findings"], passed["trace"]) == (7, [], [])
    assert (result["event"], result["passed"], result["failed"]) == ("result", 2, 1)


def test_a_junit_report_has_every_test(folder: Path) -> None:
    (folder / "tests.yaml").write_text(SUITE.replace("403", "402"))
    assert run("--junit", "report.xml").code == 1
    suite = xml.parse("report.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert suite[0][0].get("message") == "tests.yaml:6:14: status: expected 402, saw 403"
    assert "==> proxy_on_request_headers" in (suite[0][0].text or "")
    assert suite[2].get("name") == "others pass [spec]"


def test_coverage_is_told_and_can_be_asked_for(folder: Path) -> None:
    done = run("--coverage")
    assert done.code == 0
    assert re.match(r"header_policy\.wasm   \d+ of \d+ reached   \d+ %\n", done.out)
    assert "     never proxy_add_header_map_value\n" in done.out
    poor = run("--coverage-min", "99", "--json")
    assert poor.code == 1
    assert re.fullmatch(r"header_policy\.wasm: \d+\.\d % reached, expected 99 %\n", poor.err)
    assert poor.events[3]["event"] == "coverage"
    assert run("--coverage-min", "10").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.yaml"], "none.yaml:1:1: can't be read: no such file or directory"),
        (["empty"], "empty:1:1: there is no *.test.yaml or tests.yaml in this folder"),
        (["bad.yaml"], "bad.yaml:3:3: unknown key 'nmae'; did you mean 'name'?"),
        (["lost.yaml"], "lost.yaml:1:9: none.wasm: can't be read: No such file or directory"),
        (["-k", "nothing"], "meshloom: none of 3 tests is chosen"),
        (["-k", "a and"], "meshloom: -k: expected a word, got 'the end'"),
        (["--mode", "envoi"], "expected envoy or spec, got 'envoi'"),
        (["--junit", "no/where.xml"], "meshloom: --junit no/where.xml: No such file or directory"),
    ],
)
def test_bad_input_exits_2_and_says_where(folder: Path, arguments: list[str], told: str) -> None:
    (folder / "empty").mkdir()
    (folder / "bad.yaml").write_text("filter: a\ntests:\n- nmae: a\n")
    (folder / "lost.yaml").write_text(SUITE.replace("header_policy.wasm", "none.wasm"))
    done = run(*arguments)
    assert done.code == 2
    assert told in " ".join(done.err.replace("│", " ").split()) + done.err


def test_the_schema_of_test_files_is_printed() -> None:
    done = inside("schema", "--wasm-tests")
    assert json.loads(done.out)["title"] == "tests of a WASM filter"
