"""Canaries of a running mesh that grow, and that are taken back, under traffic."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mini_mesh.events import Grew
from tests.mini_mesh.live import started, traffic

MESH = """
mesh: {services: {web: {calls: [shop], ingress: true}, shop: {versions: {v1: , v2: }}}}
patterns:
- pattern: canary
  on: shop
  weights: {v1: 90, v2: 10}
  steps: [50, 100]
  every: 300ms
  min_requests: 20
  rollback_when: {error_rate: '> 10%'}
"""
BROKEN = MESH + "- {pattern: fault, on: shop/v2, abort: {status: 503, percent: 50%}}\n"


async def test_a_canary_that_does_well_has_everything_in_the_end(tmp_path: Path) -> None:
    async with started(tmp_path, MESH) as live, traffic(live, "shop") as flow:
        await live.until(Grew, lambda event: event.ended)
        assert [event.percent for event in live.all(Grew)] == [50, 100]
        await live.mesh.control.in_effect()
        assert await flow.more(100, but=20) == {(200, "v2")}
    assert flow.failed == []


async def test_one_that_does_badly_is_taken_back_and_stays_away(tmp_path: Path) -> None:
    async with started(tmp_path, BROKEN) as live, traffic(live, "shop") as flow:
        grew = await live.until(Grew, lambda event: event.ended)
        assert (grew.percent, grew.withdrawn) == (0, True)
        assert "error_rate > 10%" in grew.why
        async with asyncio.timeout(15):
            await live.mesh.control.in_effect()
        assert await flow.more(100, but=20) == {(200, "v1")}
        # a change of something else does not bring it back
        await live.change(BROKEN.replace("web: {calls: [shop]", "web: {calls: [shop, shop]"))
        assert await flow.more(100, but=20) == {(200, "v1")}
        # another plan for it does
        again = BROKEN.replace("percent: 50%", "percent: 0").replace("300ms", "200ms")
        await live.change(again)
        await live.until(Grew, lambda event: event.percent == 100)
