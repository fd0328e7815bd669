"""The live feed: what a browser gets told, and one that does not listen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from mesh_traffic import Headers, Request
from tap.flows.web import serving, updates
from tap.flows.web.updates import MAX_BROWSERS, MAX_WAITING
from tap.live.coverage import Coverage
from tests.tap.exchanges import SAMPLE, sample
from tests.tap.flows.web.asking import Asker, entered

Listening = aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def listening(owner: Asker) -> AsyncIterator[Listening]:
    before = len(owner.page.browsers)
    async with owner.session.ws_connect(owner.base + "/updates", max_msg_size=0) as browser:
        await browsers(owner, before + 1)
        yield browser


async def browsers(owner: Asker, count: int) -> None:
    """Wait until the page knows of so many."""
    async with asyncio.timeout(5):
        while len(owner.page.browsers) != count:  # noqa: ASYNC110 # what it waits for is elsewhere
            await asyncio.sleep(0.01)


async def told(browser: Listening, kind: str) -> Any:
    async with asyncio.timeout(10):
        while True:
            message = await browser.receive_json()
            if message["type"] == kind:
                return message.get("payload")


async def test_an_exchange_is_shown_while_somebody_looks() -> None:
    async with entered() as owner, listening(owner) as browser:
        owner.page.show(SAMPLE)
        flow = (await told(browser, "flows/add"))["flow"]
        assert (flow["id"], flow["response"]["status_code"]) == ("9f3e", 503)
        assert flow["comment"].startswith("productpage v1 → reviews v2; UO circuit breaker open")


async def test_what_had_to_go_goes_in_the_browser_as_well_and_is_counted() -> None:
    async with entered(max_flows=2) as owner, listening(owner) as browser:
        for one in ("a", "b", "c"):
            owner.page.show(sample(id=one))
        assert await told(browser, "flows/remove") == "a"
        owner.page.cover(Coverage(4, 4, 1204, 7, 2))
        version = (await told(browser, "state/update"))["version"]
        assert version.endswith(
            "watching 4 Envoys   1,204 seen   7 shown   2 lost   1 older gone from this page"
        )
        owner.page.say("the mesh has ended")
        assert (await told(browser, "state/update"))["version"].endswith("the mesh has ended")


async def test_a_browser_filters_in_mitmproxys_language() -> None:
    async with entered(SAMPLE) as owner, listening(owner) as browser:
        wish = {"name": "search", "expr": "~c 503"}
        await browser.send_json({"type": "flows/updateFilter", "payload": wish})
        assert await told(browser, "flows/filterUpdate") == {
            "name": "search",
            "matching_flow_ids": ["9f3e"],
        }
        owner.page.show(sample(id="a", response=None))
        added = await told(browser, "flows/add")
        assert added["matching_filters"] == {"search": False}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "{}",
        '{"payload": 1}',
        '{"payload": {"name": "search", "expr": "~c ("}}',
        "[" * 9000,
    ],
)
async def test_nonsense_ends_that_connection_and_no_other(said: str) -> None:
    async with entered() as owner, listening(owner) as browser, listening(owner) as other:
        await browser.send_str(said)
        async with asyncio.timeout(5):
            closed = await browser.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        owner.page.show(SAMPLE)
        assert await told(other, "flows/add")


async def test_a_header_that_is_no_text_does_not_end_the_connection() -> None:
    hostile = Headers(((b"x-\xff".decode("utf-8", "surrogateescape"), "\ud800\0"),))
    async with entered() as owner, listening(owner) as browser:
        owner.page.show(sample(request=Request(headers=hostile)))
        owner.page.show(sample(id="a"))
        assert await told(browser, "flows/add")
        assert (await told(browser, "flows/add"))["flow"]["id"] == "a"


async def test_one_that_does_not_read_stalls_nobody_and_then_fetches_the_list_anew() -> None:
    large = Headers.of({"x-large": "x" * 60_000})
    async with entered() as owner, listening(owner) as slow:
        async with listening(owner) as quick:
            longest = 0.0
            for at in range(400):  # 24 MB for each
                began = time.perf_counter()
                owner.page.show(sample(id=f"{at:x}", request=Request(headers=large)))
                longest = max(longest, time.perf_counter() - began)
                assert all(one._bytes <= MAX_WAITING for one in owner.page.browsers)
                await told(quick, "flows/add")
            assert longest < 1
            assert [one._behind for one in owner.page.browsers].count(True) == 1
        await told(slow, "flows/reset")
        owner.page.show(sample(id="abc"))
        assert (await told(slow, "flows/add"))["flow"]["id"] == "abc"
        assert not any(one._behind for one in owner.page.browsers)


async def test_filters_hold_after_such_a_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "MAX_WAITING", 3_000)
    monkeypatch.setattr(updates, "RESET_AFTER", 0)
    async with entered() as owner, listening(owner) as browser:
        wish = {"name": "search", "expr": "~c 503"}
        await browser.send_json({"type": "flows/updateFilter", "payload": wish})
        assert (await told(browser, "flows/filterUpdate"))["matching_flow_ids"] == []
        for at in range(10):  # without giving it a turn
            owner.page.show(sample(id=f"{at}"))
        await told(browser, "flows/reset")
        matching = (await told(browser, "flows/filterUpdate"))["matching_flow_ids"]
        assert matching == [f"{at}" for at in range(10)]


async def test_there_are_only_so_many_browsers() -> None:
    async with entered() as owner:
        open_ = [
            await owner.session.ws_connect(owner.base + "/updates") for _ in range(MAX_BROWSERS)
        ]
        one_more = await owner.session.ws_connect(owner.base + "/updates")
        async with asyncio.timeout(5):
            closed = await one_more.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1013)
        for browser in open_:
            await browser.close()
        await browsers(owner, 0)


async def test_the_page_ends_at_once_and_says_so_to_who_looks() -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with serving() as page:
            owner = Asker(page, session)
            await owner.enter()
            browser = await session.ws_connect(owner.base + "/updates")
            await browsers(owner, 1)
            began = time.perf_counter()
        assert time.perf_counter() - began < 1
        closed = await browser.receive()
        assert (closed.data, closed.extra) == (1001, "meshloom tap has ended")
