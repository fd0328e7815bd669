"""One viewer: its filter, its bound, its counts."""

from __future__ import annotations

import asyncio

import pytest

from mesh_traffic import Body, Exchange, Request, Response
from tap import viewer as module
from tap.match import compile_match
from tap.viewer import Coverage, Viewer, without_bodies


def exchange(n: int) -> Exchange:
    return Exchange(str(n), "n", Request(path=f"/{n}", body=Body(b"ab", size=2)))


def view(match: str = "", bodies: bool = True) -> Viewer:
    return Viewer(compile_match(match), bodies, lambda: Coverage(watching=1, targets=1, lost=7))


async def test_it_hears_of_the_coverage_first() -> None:
    viewer = view()
    viewer.offer(exchange(1))
    assert await viewer.next() == Coverage(1, 1, seen=1)
    assert await viewer.next() == exchange(1)
    viewer.notice()
    assert await viewer.next() == Coverage(1, 1, seen=1, shown=1)


async def test_it_waits_for_what_comes() -> None:
    viewer = view()
    await viewer.next()
    waiting = asyncio.ensure_future(viewer.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    viewer.offer(exchange(1))
    assert await waiting == exchange(1)


async def test_one_that_never_reads_loses_the_oldest_and_is_told_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 3)
    viewer = view("path != /1")
    for n in range(6):
        viewer.offer(exchange(n))
    assert await viewer.next() == Coverage(1, 1, seen=6, lost=2)  # /0 and /2
    assert [(await viewer.next()) for _ in range(3)] == [exchange(3), exchange(4), exchange(5)]
    assert viewer.coverage().shown == 3


async def test_a_cancelled_wait_loses_nothing() -> None:
    viewer = view()
    await viewer.next()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await viewer.next()
    viewer.offer(exchange(1))
    assert await viewer.next() == exchange(1)


async def test_bodies_are_only_for_those_who_ask() -> None:
    viewer = view("~b ab", bodies=False)  # but a filter may look at them
    viewer.offer(exchange(1))
    await viewer.next()
    shown = await viewer.next()
    assert isinstance(shown, Exchange)
    assert shown.request.body == Body(b"", truncated=True, size=2)


def test_an_empty_body_without_bodies_is_the_same() -> None:
    plain = Exchange("1", "n", Request(), Response(204))
    assert without_bodies(plain) == plain
