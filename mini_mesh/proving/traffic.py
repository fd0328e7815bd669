"""A door: sends a claim's requests, as fast as they are answered or at a rate, and notes what comes
back. How each one is sent is ``senders/``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from importlib import import_module

from mini_mesh.proving.observed import Sample
from mini_mesh.proving.outgoing import GRPC, HTTP, STREAM, WEBSOCKET, Outgoing, Send

MAX_SENT = 1_000_000  # requests of one claim, however long things happen
MAX_OPEN = 1000  # requests of one claim that wait for an answer, where they are sent at a rate

Sender = Callable[[Outgoing], AbstractAsyncContextManager[Send]]

# By ``Outgoing.how``, the module that has the sender: each brings a library of its own with it.
SENDERS: Mapping[str, str] = {
    HTTP: "mini_mesh.proving.senders.http",
    GRPC: "mini_mesh.proving.senders.grpc",
    WEBSOCKET: "mini_mesh.proving.senders.websocket",
    STREAM: "mini_mesh.proving.senders.stream",
}


async def send(outgoing: Outgoing) -> tuple[Sample, ...]:
    """Send all of it. A request that gets no answer is a sample too, with status -1."""
    sender: Sender = import_module(SENDERS[outgoing.how]).sender
    async with sender(outgoing) as one:
        return await _repeat(outgoing, one)


async def _repeat(outgoing: Outgoing, one: Send) -> tuple[Sample, ...]:
    """``count`` calls of ``one``, and more until it may end."""
    samples: list[Sample] = []
    if outgoing.meanwhile:
        outgoing.meanwhile.begun.set()

    async def call() -> None:
        began = time.perf_counter()
        samples.append(replace(await one(), at=began))

    async with asyncio.TaskGroup() as group:
        if outgoing.rate is None:
            _by_workers(outgoing, call, group)
        else:
            await _when_due(outgoing, outgoing.rate, call, group)
    return tuple(samples)


def _by_workers(
    outgoing: Outgoing, call: Callable[[], Awaitable[None]], group: asyncio.TaskGroup
) -> None:
    """By ``concurrency`` workers, each of which waits for its answers."""
    turns = iter(_turns(outgoing))

    async def worker() -> None:
        for _ in turns:
            await call()

    most = outgoing.concurrency if outgoing.meanwhile else outgoing.count
    for _ in range(min(outgoing.concurrency, most)):
        group.create_task(worker())


async def _when_due(
    outgoing: Outgoing,
    rate: float,
    call: Callable[[], Awaitable[None]],
    group: asyncio.TaskGroup,
) -> None:
    start, room = time.perf_counter(), asyncio.Semaphore(MAX_OPEN)

    async def one() -> None:
        try:
            await call()
        finally:
            room.release()

    for turn in _turns(outgoing):
        await asyncio.sleep(max(0.0, start + turn / rate - time.perf_counter()))
        await room.acquire()
        group.create_task(one())


def _turns(outgoing: Outgoing) -> Iterator[int]:
    """A number for each request."""
    meanwhile = outgoing.meanwhile
    for turn in range(MAX_SENT):
        if turn >= outgoing.count and (meanwhile is None or meanwhile.over.is_set()):
            return
        yield turn
