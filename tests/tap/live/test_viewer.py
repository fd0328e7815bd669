"""One viewer: its filter, its bound, its counts."""

from __future__ import annotations

import asyncio

import pytest

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from tap.language.match import compile_match
from tap.live import viewer as module
from tap.live.coverage import Coverage
from tap.live.viewer import Viewer, Wish, without_bodies


def exchange(n: int) -> Exchange:
    return Exchange(str(n), "n", Request(path=f"/{n}", body=Body(b"ab", size=2)))


def view(match: str = "", bodies: bool = True) -> Viewer:
    return Viewer(
        compile_match(match), lambda: Coverage(watching=1, targets=1, lost=7), Wish(bodies)
    )


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
    told = await viewer.next()
    assert isinstance(told, Coverage)
    assert (told.seen, told.lost) == (6, 2)  # /0 and /2
    shown = [await viewer.next() for _ in range(3)]
    assert [one.request.path for one in shown if isinstance(one, Exchange)] == ["/3", "/4", "/5"]
    assert viewer.coverage().shown == 3


async def test_a_queue_that_fills_loses_bodies_first_then_headers_then_exchanges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 4)
    viewer = view()
    await viewer.next()
    for n in range(4):
        viewer.offer(replace(exchange(n), response=Response(headers=Headers.of({"a": "b"}))))
    coverage = viewer.coverage()
    assert (coverage.reduced, coverage.lost) == (2, 0)
    shown = [await viewer.next() for _ in range(4)]
    bodies = [one.request.body.data for one in shown if isinstance(one, Exchange)]
    assert bodies == [b"ab", b"ab", b"", b""]
    headers = [one.response.headers for one in shown if isinstance(one, Exchange) and one.response]
    assert [len(one) for one in headers] == [1, 1, 1, 0]


async def test_large_bodies_that_nobody_takes_stay_below_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED_BYTES", 100)
    viewer = view()
    await viewer.next()
    for n in range(50):
        body = Body(b"x" * 30, size=30)
        viewer.offer(Exchange(str(n), "n", Request(path=f"/{n}", body=body)))
    shown = [await viewer.next() for _ in range(50)]
    assert sum(len(one.request.body.data) for one in shown if isinstance(one, Exchange)) == 60
    assert viewer.coverage().lost == 0


def test_what_only_the_log_saw_may_have_matched_a_filter_on_headers() -> None:
    look = Coverage()
    matches = compile_match("header a == b")
    viewer = Viewer(matches, lambda: look, Wish(reads=True))
    viewer.offer(replace(exchange(1), sources=("access log",)))
    viewer.offer(replace(exchange(2), sources=("tap", "access log")))
    assert (viewer.coverage().seen, viewer.coverage().lost) == (2, 1)


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
