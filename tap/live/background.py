"""Tasks that run behind a block and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol


class Spawn(Protocol):
    def __call__(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...


@asynccontextmanager
async def background() -> AsyncIterator[Spawn]:
    """A TaskGroup that cancels its tasks at the block's end instead of waiting for them.

    The block's own error comes out as it is; a TaskGroup would wrap it in an ExceptionGroup.
    """
    failure: Exception | None = None
    tasks: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:

        def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            task = group.create_task(work, name=name)
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            return task

        try:
            yield spawn
        except Exception as error:
            failure = error
        finally:
            for task in tuple(tasks):
                task.cancel()
    if failure is not None:
        raise failure
