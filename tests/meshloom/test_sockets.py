"""A mesh whose sockets are tapped, end to end: mutual TLS between its Envoys, and what is in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mesh_patterns.catalogue import entry
from meshloom.testing import mesh, tap

BOTH = ("socket tap", "access log")
RETRIES = """\
name: retries
mesh: {services: {web: {ingress: true, calls: [api]}, api: }}
patterns:
  - {pattern: mtls, on: api, mode: strict}
  - {pattern: retries, on: web -> api, attempts: 2, retry_on: [5xx], backoff: {base: 5ms}}
  - {pattern: fault, on: api, abort: {status: 503}}
"""


async def test_each_hop_is_one_exchange_of_its_connection_and_its_log() -> None:
    async with mesh(entry("mutual-tls").file, capture="sockets") as live, tap(live) as captured:
        for _ in range(3):
            response = await live.get("/", headers={"authorization": "Bearer hunter2-token"})
            assert response.status == 200
        await asyncio.sleep(1.5)  # what had no other half would have gone alone
        hops = captured.all()
        assert {one.sources for one in hops} == {BOTH}
        # the ingress, what web takes in, and what it asks of two others, on either side
        assert len(hops) == 3 * 6
        assert captured.coverage.lost == 0
        (root, *_) = captured.hops()
        assert len(list(root.walk())) >= 3
        for one in captured.all("service == api"):
            assert one.request.headers.get("x-request-id") == one.request_id
            assert one.response is not None
            assert b'"service": "api"' in one.response.body.data
        assert "hunter2" not in repr(captured.all())


async def test_tries_before_the_last_are_seen_on_the_wire(tmp_path: Path) -> None:
    file = tmp_path / "retries.yaml"
    file.write_text(RETRIES)
    async with mesh(file, capture="sockets") as live, tap(live) as captured:
        await live.get("/")
        await asyncio.sleep(1.5)
        asked = captured.one("direction == outbound & service == api")
        tries = [one for one in captured.all("service == api") if one.sources == ("socket tap",)]
    assert (asked.attempts, asked.status, asked.sources) == (3, 503, BOTH)
    assert [(one.status, one.request_id) for one in tries] == [(503, asked.request_id)] * 2
