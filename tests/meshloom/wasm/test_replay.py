"""``meshloom wasm run --record`` and ``meshloom wasm replay``: what they print, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from meshloom.wasm import app
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script

READ = Call("proxy_get_header_map_value", [0, b"authorization", Out.TEXT])
LOG = Call("proxy_log", [2, b"seen"])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


class Files:
    """A filter, its next build, and a recording of the first."""

    def __init__(self, folder: Path) -> None:
        self.old = self.write(folder / "old.wasm", Script({"proxy_on_request_headers": [READ]}))
        self.new = self.write(
            folder / "new.wasm", Script({"proxy_on_request_headers": [READ, LOG]})
        )
        self.recording = str(folder / "recording.jsonl")

    def write(self, file: Path, script: Script) -> str:
        file.write_bytes(script.code())
        return str(file)

    def record(self, *more: str) -> Result:
        header = "authorization: Bearer abcdefgh"
        return run("run", self.old, "-H", header, "--record", self.recording, *more)

    @property
    def text(self) -> str:
        return Path(self.recording).read_text()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_the_same_filter_is_identical(files: Files) -> None:
    assert files.record().exit_code == 0
    done = run("replay", files.recording)
    assert (done.exit_code, done.stdout) == (0, "identical   1 request   1 hostcall\n")


def test_another_build_that_does_the_same_is_identical_too(files: Files) -> None:
    files.record()
    Path(files.new).write_bytes(Script({"proxy_on_request_headers": [READ]}, extra="(func)").code())
    done = run("replay", files.recording, "--filter", files.new)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"{files.new} is another build than the recorded one",
        "identical   1 request   1 hostcall",
    ]


def test_another_build_departs(files: Files) -> None:
    files.record()
    done = run("replay", files.recording, "--filter", files.new)
    assert done.exit_code == 1
    assert "Bearer" in done.stdout
    lines = [line for line in done.stdout.splitlines() if "Bearer" not in line]
    assert lines == [
        f"{files.new} is another build than the recorded one",
        "departs at hostcall 2, in proxy_on_request_headers, request 1   (- recorded, + now)",
        "    ==> proxy_on_request_headers(context=2, headers=5, end_of_stream=true)",
        "          ==> proxy_get_header_map_value(request_headers, 'authorization')",
        "  +       ==> proxy_log(level=info, message='seen')",
        "  +       <== ok",
        "    <== continue",
        "request 1   + log: 'info: seen'",
        "secrets in this recording are placeholders: a filter that looks into them goes another"
        " way (--record-secrets keeps them)",
    ]


def test_what_is_found_can_be_json(files: Files) -> None:
    files.record("--record-secrets")
    done = run("replay", files.recording, "--filter", files.new, "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["identical"], found["masked"]) == (1, False, False)
    assert (found["departure"]["hostcall"], found["departure"]["step"]) == (2, "request 1")
    assert found["departure"]["came"]["arguments"] == {"level": "info", "message": "seen"}
    assert found["rebuilt"] == [files.new]


def test_secrets_are_recorded_only_if_asked(files: Files) -> None:
    files.record()
    assert "abcdefgh" not in files.text
    files.record("--record-secrets")
    assert "abcdefgh" in files.text


def test_a_recorded_run_shows_what_any_run_shows(files: Files) -> None:
    plain = run("run", files.old, "-H", "authorization: Bearer abcdefgh", "--trace", "--json")
    recorded = files.record("--trace", "--json")
    assert json.loads(recorded.stdout) == json.loads(plain.stdout)


def test_a_filter_that_traps_is_recorded(tmp_path: Path) -> None:
    file, recording = tmp_path / "t.wasm", str(tmp_path / "r")
    file.write_bytes(guest(on_request_headers("unreachable")))
    assert run("run", str(file), "--record", recording).exit_code == 1
    assert run("replay", recording).stdout == "identical   1 request   0 hostcalls\n"


def test_a_filter_that_does_not_start_is_recorded(tmp_path: Path) -> None:
    file, recording = tmp_path / "t.wasm", str(tmp_path / "r")
    file.write_bytes(Script({"proxy_on_configure": []}, {"proxy_on_configure": 0}).code())
    done = run("run", str(file), "--record", recording)
    assert (done.exit_code, "refused the configuration" in done.stderr) == (2, True)
    assert run("replay", recording).stdout == "identical   0 requests   0 hostcalls\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none: can't be read: No such file or directory"),
        (["{old}"], "{old}:1: not JSON"),
        (["{recording}", "--filter", "none.wasm"], "none.wasm: can't be read"),
        (["{recording}", "--filter", "{recording}"], "{recording}: not a wasm module"),
        (
            ["{recording}", "--filter", "{old}", "--filter", "{new}"],
            "--filter: 2 given, {recording} has 1 plugin",
        ),
    ],
)
def test_bad_input_is_one_message(files: Files, arguments: list[str], message: str) -> None:
    files.record()
    names = {"old": files.old, "new": files.new, "recording": files.recording}
    done = run("replay", *(one.format(**names) for one in arguments))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"meshloom: {message.format(**names)}")
    assert done.stderr.count("\n") == 1


def test_a_recording_that_can_not_be_written_is_told(files: Files, tmp_path: Path) -> None:
    done = run("run", files.old, "--record", str(tmp_path / "none" / "r"))
    assert done.exit_code == 2
    assert "can't be written: No such file or directory" in done.stderr
