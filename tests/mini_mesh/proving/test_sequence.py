from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.load import load
from mesh_yaml.place import DocumentError
from mini_mesh.proving.sequence import check

MESH = """\
mesh: {services: {web: {versions: {v1: , v2: }}}}
expect:
"""


def told(folder: Path, *claims: str) -> list[str]:
    file = folder / "mesh.yaml"
    file.write_text(MESH + "".join(f"- {{to: web, status: 200, {each}}}\n" for each in claims))
    try:
        check(load([file]))
    except DocumentError as error:
        return [str(each).partition("mesh.yaml:")[2] for each in error.problems]
    return []


@pytest.mark.parametrize(
    "claims",
    [
        ["stop: web/v1", "send: 2", "start: web/v1"],
        ["stop: [web/v1, web/v2]", "start: web"],
        ["stop: web/v1", "stop: web", "start: web/v2"],
        ["during: [stop web, start web/v1, stop web/v1]", "during: stop web"],
        ["stop: web", "start: web, stop: web/v1"],
    ],
)
def test_who_was_stopped_can_be_started(tmp_path: Path, claims: list[str]) -> None:
    assert told(tmp_path, *claims) == []


@pytest.mark.parametrize(
    ("claims", "problems"),
    [
        (["start: web"], ["3:33: 'web' is not away: no claim before has stopped it"]),
        (["stop: web", "stop: web/v1"], ["4:32: 'web/v1' is away already"]),
        (["stop: web", "during: stop web"], ["4:34: 'web' is away already"]),
        (
            ["during: [stop web/v1, start web/v2]"],
            ["3:48: 'web/v2' is not away: nothing before has stopped it"],
        ),
        (["stop: rate_limit"], ["3:32: no pattern asks 'rate_limit', so it does not run"]),
    ],
)
def test_who_is_not_there_can_not_be_stopped(
    tmp_path: Path, claims: list[str], problems: list[str]
) -> None:
    assert told(tmp_path, *claims) == problems
