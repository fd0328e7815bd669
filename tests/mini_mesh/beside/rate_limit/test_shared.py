"""Limits that real Envoys share: counted together, changed while they run, and away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.mini_mesh.live import Live, started

MESH = """
name: shared
mesh: {services: {web: {versions: {v1: , v2: }}, api: }}
patterns:
  - {pattern: rate_limit, on: web, scope: global, key: header:x-user, headers: true,
     limits: {default: 10/hour, x-plan=team: 20/hour}}
  - {pattern: rate_limit, on: api, scope: global, limits: {default: 3/hour}, on_failure: deny}
"""


async def statuses(live: Live, count: int, to: str, **headers: str) -> Counter[int]:
    return Counter([(await live.ask(to, "/", **headers))[0] for _ in range(count)])


@pytest.mark.asyncio
async def test_two_envoys_share_a_limit_and_its_service_may_fail_and_change(
    tmp_path: Path,
) -> None:
    async with started(tmp_path, MESH) as live:
        bob = {"x-user": "bob"}
        assert await statuses(live, 20, "web", **bob) == {200: 10, 429: 10}
        assert await statuses(live, 2, "web", **{"x-user": "ann"}) == {200: 2}
        team = {"x-user": "bob", "x-plan": "team"}
        assert await statuses(live, 25, "web", **team) == {200: 20, 429: 5}
        assert await statuses(live, 12, "web") == {200: 12}  # who has no key has no limit
        assert await statuses(live, 4, "api") == {200: 3, 429: 1}

        await live.change(MESH.replace("10/hour", "25/hour"))  # of which 20 are used: refused ones
        assert await statuses(live, 10, "web", **bob) == {200: 5, 429: 5}  # have been counted, too

        await live.mesh.beside.stop("rate_limit")
        assert await statuses(live, 3, "web", **bob) == {200: 3}
        assert await statuses(live, 3, "api") == {500: 3}
        await live.mesh.beside.start("rate_limit")

        await live.change(MESH[: MESH.index("patterns")])
        assert live.mesh.beside.names == ()
        assert await statuses(live, 30, "web", **bob) == {200: 30}
