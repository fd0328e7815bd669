"""Services beside a mesh's Envoys come, change and go with what its patterns want."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mesh_patterns.draft import Placed
from mesh_yaml.place import DocumentError, Place
from mini_mesh.beside.host import Beside
from mini_mesh.processes.process import ProcessError

pytestmark = pytest.mark.asyncio


class Noted:
    """A service that notes what happens to it."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def tell(self, parts: Sequence[Any]) -> None:
        self._notes.append(f"told {list(parts)}")

    async def start(self, socket: Path) -> None:
        self._notes.append(f"started at {socket.name}")

    async def ready(self) -> None:
        self._notes.append("ready")

    async def stop(self) -> None:
        self._notes.append("stopped")


def part(value: int) -> Placed[int]:
    return Placed(value, Place("m.yaml"))


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def beside(notes: list[str], tmp_path: Path) -> Beside:
    return Beside(tmp_path, lambda event: None, {"limits": lambda report: Noted(notes)})


async def test_a_service_knows_what_is_wanted_before_it_answers(
    beside: Beside, notes: list[str]
) -> None:
    await beside.tell({"limits": [part(1), part(2)]})
    assert notes == ["told [1, 2]", "started at limits.sock"]
    assert beside.names == ("limits",)


async def test_one_that_runs_is_told_and_not_started_again(
    beside: Beside, notes: list[str]
) -> None:
    await beside.tell({"limits": [part(1)]})
    await beside.tell({"limits": [part(3)]})
    assert notes[2:] == ["told [3]"]


async def test_what_nobody_wants_ends_when_its_time_has_come(
    beside: Beside, notes: list[str]
) -> None:
    await beside.tell({"limits": [part(1)]})
    await beside.tell({})
    assert "stopped" not in notes
    await beside.keep({})
    assert notes[-1] == "stopped"
    assert beside.names == ()


async def test_one_that_was_taken_away_comes_back_or_ends_once(
    beside: Beside, notes: list[str]
) -> None:
    await beside.tell({"limits": [part(1)]})
    await beside.stop("limits")
    await beside.start("limits")
    await beside.stop("limits")
    await beside.close()
    assert notes[2:] == ["stopped", "started at limits.sock", "ready", "stopped"]


async def test_one_that_does_not_come_up_is_told_at_the_line_that_wants_it(tmp_path: Path) -> None:
    class Broken(Noted):
        async def ready(self) -> None:
            raise ProcessError("no more")

    beside = Beside(tmp_path, lambda event: None, {"limits": lambda report: Broken([])})
    await beside.tell({"limits": [part(1)]})
    with pytest.raises(DocumentError, match="m.yaml:1:1: no more"):
        await beside.ready({"limits": [part(1)]})
