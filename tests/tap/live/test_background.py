"""Tasks behind a block."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from tap.live.background import background


async def test_tasks_end_with_the_block() -> None:
    async with background() as spawn:
        task = spawn(_forever(), "endless")
        await asyncio.sleep(0)
    assert task.cancelled()
    assert task.get_name() == "endless"


async def test_the_blocks_own_error_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        await _behind(_forever(), _fail(KeyError("mine")))


async def test_a_tasks_error_ends_the_block() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await _behind(_fail(ValueError("broken")), _forever())
    assert [str(error) for error in caught.value.exceptions] == ["broken"]


async def _behind(task: Coroutine[None, None, None], block: Coroutine[None, None, None]) -> None:
    async with background() as spawn:
        spawn(task, "task")
        await asyncio.sleep(0)
        await block


async def _forever() -> None:
    await asyncio.Event().wait()


async def _fail(error: Exception) -> None:
    raise error
