"""What a live page costs for each exchange, and what its list costs a browser that asks anew.

    .venv/bin/python bench/tap/web.py

Exchanges have 20 headers and a JSON body of 2 KiB. "nobody looks": to a flow, and into the window.
"n browsers": also as JSON to n WebSockets, which read (in this process). CPU seconds, so
that a busy machine counts less.
"""

from __future__ import annotations

import asyncio
import time

import aiohttp

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, replace
from tap.flows.web import MAX_FLOWS, serving
from tap.live.background import background

COUNT = 4_000
FIELDS = Headers.of((f"x-header-{at}", f"value {at}" * 3) for at in range(20))
BODY = Body(b'{"stars": [%s]}' % b",".join([b"5"] * 1_000))
EXCHANGE = Exchange(
    "1",
    "productpage-v1",
    Request("POST", "/reviews/1", "reviews:9080", headers=FIELDS, body=BODY),
    Response(200, FIELDS, BODY),
    source=Endpoint("productpage", "v1", "127.0.0.1:40000"),
    destination=Endpoint("reviews", "v2", "127.0.0.1:9081"),
    started=1_767_323_045.25,
    duration=0.012,
    cluster="reviews-v2",
)


async def main() -> None:
    for browsers in (0, 1, 4):
        await with_browsers(browsers)


async def with_browsers(count: int) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        serving() as page,
        aiohttp.ClientSession(cookie_jar=jar) as session,
        background() as spawn,
    ):
        base = page.url.partition("?")[0]
        async with session.get(page.url) as answer:
            await answer.read()
        got = [0] * count
        for at in range(count):
            socket = await session.ws_connect(f"{base}updates", max_msg_size=0)
            spawn(_read(socket, got, at), "browser")
        await asyncio.sleep(0.1)
        began, longest = time.process_time(), 0.0
        for at in range(COUNT):
            one = time.process_time()
            page.show(replace(EXCHANGE, id=f"{at:x}"))
            longest = max(longest, time.process_time() - one)
            await asyncio.sleep(0)
        spent = time.process_time() - began
        print(
            f"{count or 'nobody looks'}{' browsers' if count else ''}:"
            f" {COUNT / spent:,.0f} exchanges/s, {spent / COUNT * 1e6:,.0f} µs each,"
            f" at most {longest * 1000:.1f} ms"
        )
        if not count:
            began = time.perf_counter()
            async with session.get(f"{base}flows") as answer:
                size = len(await answer.read())
            spent = time.perf_counter() - began
            print(f"the list of {MAX_FLOWS:,}: {spent * 1000:.0f} ms, {size / 2**20:.1f} MiB")


async def _read(socket: aiohttp.ClientWebSocketResponse, got: list[int], at: int) -> None:
    async for _ in socket:
        got[at] += 1


if __name__ == "__main__":
    asyncio.run(main())
