"""A filter of ours is named, and not looked for, by every command that takes a filter."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from meshloom.wasm import app
from wasm_filters.ours import names

COMMANDS = [
    ["run", "FILTER"],
    ["inspect", "FILTER"],
    ["bench", "FILTER", "-n", "5"],
    ["fuzz", "FILTER", "-n", "3"],
    ["replay", "a.recording", "--filter", "FILTER"],
]


def told(command: list[str], name: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [name if word == "FILTER" else word for word in command])
    return result.exit_code, result.stderr


@pytest.fixture(autouse=True)
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(["run", "FILTER", "--record", "a.recording"], "meshloom:header_policy")[0] == 0


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_it_takes_a_filter_of_ours_by_name(command: list[str]) -> None:
    assert told(command, "meshloom:header_policy") == (0, "")


@pytest.mark.parametrize("command", [*COMMANDS, ["diff", "FILTER"]], ids=lambda command: command[0])
def test_it_says_which_there_are(command: list[str]) -> None:
    message = f"meshloom: meshloom:no: no filter of ours, expected one of {', '.join(names())}\n"
    assert told(command, "meshloom:no") == (2, message)
