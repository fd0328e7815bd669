"""From a real Envoy to the page: live, redacted, with its coverage, and to the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from mesh_traffic import Exchange
from tap.flows.web.page import allowed
from tap.live.background import background
from tap.live.client import watch
from tap.live.coverage import Coverage
from tap.live.hub import Hub
from tap.live.server import serve
from tests.tap.exchanges import sample
from tests.tap.flows.web.asking import entered
from tests.tap.watched import ask

SECRETS = {"authorization": "Bearer pl4nted-bearer", "cookie": "id=pl4nted-cookie"}


async def until(found: Any) -> None:
    async with asyncio.timeout(10):
        while not found():  # noqa: ASYNC110 # what it waits for is elsewhere
            await asyncio.sleep(0.01)


async def test_what_crosses_an_envoy_is_on_the_page_without_its_secrets(
    envoy: Any, tmp_path: Path
) -> None:
    path = tmp_path / "tap.sock"
    async with entered() as owner, background() as spawn:
        page = owner.page
        async with (
            serve(Hub([envoy.target], envoy.topology), path),
            watch(path, bodies=True) as watching,
        ):
            following = spawn(page.follow(watching), "follow")
            await until(lambda: "watching 1 Envoy " in page.about())
            await ask(envoy.outbound, "/a", "POST", data=b"hello", headers=SECRETS)
            await until(lambda: len(page.window) == 1)
            _, flows, _ = await owner.ask("/flows")
            (flow,) = json.loads(flows)
            assert flow["comment"].startswith("productpage → reviews v2")
            assert flow["client_conn"]["peername"][0] == "productpage at 127.0.0.1"
            address = f"/flows/{flow['id']}"
            _, body, _ = await owner.ask(f"{address}/request/content/auto.json")
            assert json.loads(body)["text"] == "hello"
            _, answer, _ = await owner.ask(f"{address}/response/content.data")
            assert answer.endswith("hello")
            _, dump, _ = await owner.ask("/flows/dump")
            for secret in ("pl4nted", "s3cr3t"):
                assert secret not in flows + answer + dump
            watching.finish()
            await following
        assert page.about().endswith("1 seen   1 shown   0 lost   the mesh has ended")
        _, state, _ = await owner.ask("/state")
        assert json.loads(state)["version"] == page.about()
        assert (await owner.ask(f"{address}/request/content.data"))[1] == "hello"  # it stays


async def test_a_feed_without_end_leaves_browsers_their_turn() -> None:
    async def endless() -> AsyncIterator[Exchange | Coverage]:
        for at in range(10**9):
            yield sample(id=f"{at:x}")

    async with entered(max_flows=50) as owner, background() as spawn:
        spawn(owner.page.follow(endless()), "follow")
        async with asyncio.timeout(10):
            for _ in range(5):
                status, flows, _ = await owner.ask("/flows")
                assert (status, len(json.loads(flows)) <= 50) == (200, True)


def test_an_address_is_allowed_as_a_whole_and_with_its_method() -> None:
    assert allowed("GET", "/flows")
    assert not allowed("GET", "/flows/../options/save")
    assert not allowed("get", "/flows")
    assert not allowed("POST", "/flows")
    assert not allowed("GET", "/flows\n")
