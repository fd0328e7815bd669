"""A caller's cluster is called anew when it gets settings; nobody who is on the way notices."""

from __future__ import annotations

from pathlib import Path

from tests.mini_mesh.live import started, traffic

MESH = "mesh: {services: {web: {versions: {v1: , v2: }}}}\n"
PATTERNS = "patterns:\n- {pattern: circuit_breaker, on: web, max_requests: 100}\n"
HASHED = "- {pattern: load_balancing, on: web, policy: maglev, hash: source_ip}\n"


async def test_settings_come_and_go_without_a_failed_request(tmp_path: Path) -> None:
    async with started(tmp_path, MESH) as live, traffic(live, "web") as seen:
        assert await seen.more() == {(200, "v1"), (200, "v2")}
        await live.change(MESH + PATTERNS)
        assert await seen.more() == {(200, "v1"), (200, "v2")}
        await live.change(MESH + PATTERNS + HASHED)
        assert len(await seen.more(but=4)) == 1, "of one address"
        await live.change(MESH)
        assert await seen.more(but=4) == {(200, "v1"), (200, "v2")}
        assert seen.failed == []
