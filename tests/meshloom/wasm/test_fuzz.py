"""``meshloom wasm fuzz``: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meshloom.wasm import app
from meshloom.wasm.fuzz import NO_FILE
from tests.wasm_filters.fuzzing.test_hunt import looks_for
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.script import Script


def fuzz(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["fuzz", *arguments])


@pytest.fixture
def crashing(tmp_path: Path) -> str:
    file = tmp_path / "f.wasm"
    file.write_bytes(looks_for(b"x-crash"))
    return str(file)


def test_a_sound_filter_exits_0(tmp_path: Path) -> None:
    file = tmp_path / "f.wasm"
    file.write_bytes(guest())
    done = fuzz(str(file), "--count", "10", "--seed", "3")
    assert done.exit_code == 0
    assert done.stdout.startswith("nothing found   10 cases   ")
    assert done.stdout.endswith("s   seed 3\n")


def test_a_finding_is_shown_with_its_trace_and_becomes_a_test(
    crashing: str, tmp_path: Path
) -> None:
    done = fuzz(crashing, "-x", "-n", "60", "-o", str(tmp_path / "found"))
    assert done.exit_code == 1
    first, name, *trace, last = done.stdout.splitlines()
    assert first.startswith("trap in proxy_on_request_headers: trapped: wasm `unreachable`")
    file = Path(name.strip())
    assert file.parent == tmp_path / "found"
    assert file.name.endswith(".test.yaml")
    assert trace[0] == (
        "      ==> proxy_on_request_headers(context=2, headers=5, end_of_stream=true)"
    )
    assert last.startswith("1 found   ")
    assert '"headers": {"x-crash": [""]}' in file.read_text()
    assert CliRunner().invoke(app, ["test", str(file)]).exit_code == 1


def test_findings_can_be_json(crashing: str, tmp_path: Path) -> None:
    done = fuzz(crashing, "-x", "-n", "60", "-o", str(tmp_path), "--json")
    finding, result = (json.loads(line) for line in done.stdout.splitlines())
    assert (finding["event"], finding["kind"]) == ("finding", "trap")
    assert finding["test"]["request"] == {"path": "/", "headers": {"x-crash": [""]}}
    assert finding["trace"]
    assert (result["event"], result["findings"], result["seed"]) == ("result", 1, 0)


@pytest.fixture
def growing(tmp_path: Path) -> str:
    file = tmp_path / "f.wasm"
    file.write_bytes(guest(on_request_headers("(drop (memory.grow (i32.const 1)))")))
    return str(file)


def test_memory_that_grows_is_a_finding_that_says_why_it_has_no_test_file(
    growing: str, tmp_path: Path
) -> None:
    done = fuzz(growing, "-n", "1", "-o", str(tmp_path / "found"))
    assert done.exit_code == 1
    told, why, last = done.stdout.splitlines()
    assert told.startswith("memory grows: ")
    assert why == f"  {NO_FILE}"
    assert last.startswith("1 found   ")
    assert not (tmp_path / "found").exists()


def test_it_says_so_in_json_too(growing: str) -> None:
    finding, _ = map(json.loads, fuzz(growing, "-n", "1", "--json").stdout.splitlines())
    assert (finding["kind"], finding["file"], finding["why_no_file"]) == ("memory", None, NO_FILE)


def test_bench_shows_the_memory_that_grows_again(growing: str) -> None:
    done = CliRunner().invoke(app, ["bench", growing, "-n", "100"])
    assert done.stdout.endswith("it grew\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.wasm"], "none.wasm: can't be read"),
        (["{file}", "--config", "{file}"], "--config: not UTF-8, expected a text"),
        (["{file}", "--for", "soon"], "Invalid value for --for"),
        (["{file}", "--for", "1s", "--count", "1"], "expected one of --count and --for"),
        (["{refusing}"], "proxy_on_configure refused the configuration"),
    ],
)
def test_bad_input_exits_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    file, refusing = tmp_path / "f.wasm", tmp_path / "r.wasm"
    file.write_bytes(guest('(data (i32.const 0) "\\ff\\fe")'))
    refusing.write_bytes(Script({"proxy_on_configure": []}, {"proxy_on_configure": 0}).code())
    done = fuzz(*(one.format(file=file, refusing=refusing) for one in arguments))
    assert done.exit_code == 2
    assert message in done.stderr
