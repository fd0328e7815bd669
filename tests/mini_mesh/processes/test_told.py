"""A process that is told by lines: at its start, when something else holds, and at its end."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest

from mini_mesh.processes.fleet import Fleet
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.told import Told

pytestmark = pytest.mark.asyncio

OBEYS = """
import sys
for line in sys.stdin:
    word = line.strip()
    if word == "die":
        sys.exit("no more")
    print("ready" if word != "no" else "error: " + word, flush=True)
"""


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    """A process that runs, and was told nothing wrong."""
    made = Told("it", "ready", "error: ", "obey")
    made.tell(b"first\n")
    async with Fleet(lambda event: None, made.started, made.heard) as fleet:
        await fleet.start({"it": ProcessSpec("it", [sys.executable, "-c", OBEYS], stdin=True)})
        yield made


async def test_what_it_was_told_before_it_ran_it_does_at_once(told: Told) -> None:
    assert await told.problem() is None


async def test_what_it_can_t_do_is_told(told: Told) -> None:
    assert await told.problem() is None
    told.tell(b"no\n")
    assert await told.problem() == "error: no"
    told.tell(b"yes\n")
    assert await told.problem() is None


async def test_one_that_ends_instead_of_an_answer_is_a_problem(told: Told) -> None:
    assert await told.problem() is None
    told.tell(b"die\n")
    said = await told.problem()
    assert said is not None
    assert said.startswith("it: exited with 1 before it could obey")
    assert "no more" in said
