"""What a breakpoint's page costs beyond a person's time.

    .venv/bin/python bench/debugger/web.py [--times 100] [--at-once 100]

A mesh of one service in this process, its page with a browser's feed open, and a client that holds,
edits and resumes as mitmweb's pages do. Medians. The mesh, the page, the client and the upstream
share one Python process, so this is more than what each would take alone.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import aiohttp

from meshloom.debug.browser import holding
from meshloom.state import DEBUG_SOCKET
from meshloom.testing import LiveMesh, mesh
from tap.flows.web.page import Page

MESH = "mesh: {services: {web: {ingress: true}}}\n"
MAX_AT_ONCE = 100  # connections of the mesh's own client
EDIT = {"request": {"path": "/2"}}


class Client:
    def __init__(self, page: Page, session: aiohttp.ClientSession) -> None:
        self.base, _, self._token = page.url.partition("/?token=")
        self._session = session
        self._guard: dict[str, str] = {}

    async def enter(self) -> aiohttp.ClientWebSocketResponse:
        """The feed."""
        await self._session.get(f"{self.base}/?token={self._token}")
        feed = await self._session.ws_connect(self.base + "/updates")
        cookies = self._session.cookie_jar.filter_cookies(aiohttp.client.URL(self.base))
        self._guard = {"X-XSRFToken": cookies["_mitmproxy_xsrf"].value}
        return feed

    async def send(self, method: str, path: str, **more: object) -> None:
        url = self.base + path
        async with self._session.request(method, url, headers=self._guard, **more) as answer:
            assert answer.status == 200, await answer.text()


async def held(page: Page, count: int) -> list[str]:
    while True:
        waiting = [one for one, standing in page.standings.items() if standing.held]
        if len(waiting) == count:
            return waiting
        await asyncio.sleep(0.0005)


async def alone(live: LiveMesh, page: Page, client: Client, times: int) -> None:
    shown, edited, resumed = [], [], []
    for _ in range(times):
        begun = time.perf_counter()
        task = asyncio.ensure_future(live.get("/1"))
        (flow_id,) = await held(page, 1)
        shown.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        await client.send("PUT", f"/flows/{flow_id}", json=EDIT)
        edited.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        await client.send("POST", f"/flows/{flow_id}/resume")
        await task
        resumed.append(time.perf_counter() - begun)
    for what, took in (
        ("a request to its flow on the page", shown),
        ("an edit", edited),
        ("a resume, to the client's response", resumed),
    ):
        print(f"{what}: {statistics.median(took) * 1000:.1f} ms (max {max(took) * 1000:.1f})")


async def at_once(live: LiveMesh, page: Page, client: Client, count: int) -> None:
    begun = time.perf_counter()
    tasks = [asyncio.ensure_future(live.get("/1")) for _ in range(count)]
    await held(page, count)
    print(f"{count} requests to their flows: {time.perf_counter() - begun:.2f} s")
    begun = time.perf_counter()
    await client.send("POST", "/flows/resume")
    await asyncio.gather(*tasks)
    print(f"resume all {count}, to the last response: {time.perf_counter() - begun:.2f} s")


async def drain(feed: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in feed:
        pass


async def run(file: Path, times: int, count: int) -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # it takes cookies of an IP address
    async with mesh(file) as live, aiohttp.ClientSession(cookie_jar=jar) as session:
        socket = live._running.options.folder / DEBUG_SOCKET
        async with holding(socket, {"sentence": "ingress"}) as (page, _):
            client = Client(page, session)
            feed = await client.enter()
            reading = asyncio.ensure_future(drain(feed))
            await alone(live, page, client, times)
            await at_once(live, page, client, count)
            await feed.close()
            await reading


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mesh.yaml")
        file.write_text(MESH)
        asyncio.run(run(file, given.times, min(given.at_once, MAX_AT_ONCE)))


if __name__ == "__main__":
    main()
