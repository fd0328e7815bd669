"""What the hub leaves out when too much comes at once: alone, and with a real Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mesh_traffic import Exchange
from tap.live import hub as module
from tap.live.coverage import Coverage
from tap.live.feed import Feed
from tap.live.overload import CALM, PATIENCE, SAMPLE, Level, Overload, is_sampled
from tap.live.viewer import Viewer
from tests.tap.watched import ask, shown, watching_both

FAR, NEAR, BETWEEN = 5.0, 0.05, 1.0


def test_more_is_left_out_while_it_stays_behind_in_the_stated_order() -> None:
    overload = Overload()
    levels = []
    for _ in range(4 * PATIENCE):
        overload.look(FAR)
        levels.append(overload.level)
    assert levels[PATIENCE - 1 :: PATIENCE] == [
        Level.BODIES,
        Level.HEADERS,
        Level.REQUESTS,
        Level.REQUESTS,
    ]
    assert levels[0] is Level.NOTHING  # one look may be a pause of our own


def test_it_is_taken_back_step_by_step_when_it_keeps_up() -> None:
    overload = Overload()
    for _ in range(2 * PATIENCE):
        overload.look(FAR)
    changed = [overload.look(NEAR) for _ in range(2 * CALM)]
    assert [at for at, now in enumerate(changed) if now] == [CALM - 1, 2 * CALM - 1]
    assert overload.level is Level.NOTHING


def test_in_between_nothing_changes() -> None:
    overload = Overload()
    for _ in range(PATIENCE):
        overload.look(FAR)
    assert not any(overload.look(BETWEEN) for _ in range(10 * CALM))
    assert overload.level is Level.BODIES


def test_one_request_in_ten_is_sampled_with_all_of_its_hops() -> None:
    ids = [f"{number:032x}" for number in range(5000)]
    chosen = [one for one in ids if is_sampled(one)]
    assert len(ids) / SAMPLE * 0.8 < len(chosen) < len(ids) / SAMPLE * 1.2
    assert all(is_sampled(one) for one in chosen)


class Behind:
    """A hub, with a viewer, of which everything is said to come late by ``by`` seconds."""

    def __init__(self, envoy: Any) -> None:
        self.by = FAR
        self.asked = 0
        self.kept: list[Exchange] = []
        self._envoy = envoy
        self._viewer: Viewer | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with watching_both(self._envoy, keep=self.kept.extend) as (_, viewer):
            self._viewer = viewer
            yield

    @property
    def coverage(self) -> Coverage:
        assert self._viewer is not None
        return self._viewer.coverage()

    async def ask(self, path: str) -> None:
        await ask(self._envoy.outbound, path, "POST", data=b"hello")
        self.asked += 1

    async def ask_until(self, less: str) -> None:
        async with asyncio.timeout(20):
            while less not in self.coverage.less or not self.coverage.watching:
                await self.ask("/any")

    async def until(self, wanted: Callable[[Coverage], bool]) -> None:
        async with asyncio.timeout(20):
            while not wanted(self.coverage):  # noqa: ASYNC110 - counters tell nobody
                await asyncio.sleep(0.05)

    async def shown(self, path: str) -> Exchange:
        assert self._viewer is not None
        while (found := await shown(self._viewer)).request.path != path:
            pass
        return found


@pytest.fixture
def behind(envoy: Any, monkeypatch: pytest.MonkeyPatch) -> Behind:
    monkeypatch.setattr(module, "AUDIT_EVERY", 0.1)
    behind = Behind(envoy)
    monkeypatch.setattr(Feed, "take_behind", lambda self: behind.by)
    return behind


async def test_a_hub_that_is_behind_asks_for_no_bodies(behind: Behind) -> None:
    async with behind.running():
        await behind.ask_until("no bodies")
        behind.by = BETWEEN
        await behind.ask("/bare")
        bare = await behind.shown("/bare")
        assert bare.sources == ("tap", "access log")
        assert (bare.request.body.data, bare.request.body.size) == (b"", 5)
        assert len(bare.request.headers) > 4
        assert behind.coverage.reduced > 0
        behind.by = 0.0
        await behind.until(lambda now: not now.less)
        await behind.ask("/whole")
        assert (await behind.shown("/whole")).request.body.data == b"hello"


async def test_one_that_stays_behind_leaves_out_headers_and_then_requests_and_counts_them(
    behind: Behind,
) -> None:
    async with behind.running():
        await behind.ask_until("no headers")
        await behind.ask_until(f"one request in {SAMPLE}")
        before = behind.coverage.sampled
        for _ in range(40):
            await behind.ask("/many")
        await behind.until(lambda now: now.sampled > before + 20)
        await asyncio.sleep(0.2)
        log = behind.coverage.sources["access log"]
        assert behind.coverage.lost == 0
        assert log.sampled + log.seen == behind.asked
        assert len(behind.kept) == log.seen
