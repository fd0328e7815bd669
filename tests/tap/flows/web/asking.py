"""What tests of the page share: a page with exchanges, and somebody who asks it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from mesh_traffic import Exchange
from tap.flows.web import serving
from tap.flows.web.page import Page

Answer = tuple[int, str, Any]  # status, text, headers


class Asker:
    """``given``: with the cookie that a token gives."""

    def __init__(self, page: Page, session: aiohttp.ClientSession) -> None:
        self.base, _, self.token = page.url.partition("/?token=")
        self.page = page
        self.session = session

    async def enter(self) -> None:
        status, text, _ = await self.ask("/?token=" + self.token)
        assert (status, "mitmproxy" in text) == (200, True)

    async def ask(self, path: str, method: str = "GET", **more: Any) -> Answer:
        async with self.session.request(method, self.base + path, **more) as answer:
            return answer.status, await answer.text("utf-8", "replace"), answer.headers

    async def change(self, path: str, method: str = "POST", **more: Any) -> Answer:
        """As mitmweb's own pages do it: with the token, and with what guards against forgery."""
        headers = {**await self.guard(), **more.pop("headers", {})}
        return await self.ask(path, method, headers=headers, **more)

    async def guard(self) -> dict[str, str]:
        """What guards against forgery: the header, and a cookie that is sent by itself."""
        async with self.session.ws_connect(self.base + "/updates"):
            pass
        cookies = self.session.cookie_jar.filter_cookies(aiohttp.client.URL(self.base))
        return {"X-XSRFToken": cookies["_mitmproxy_xsrf"].value}


@asynccontextmanager
async def asking(*exchanges: Exchange, **more: Any) -> AsyncIterator[Asker]:
    """Somebody without a token, before a page that shows the exchanges."""
    jar = aiohttp.CookieJar(unsafe=True)  # it takes cookies of an IP address
    async with serving(**more) as page, aiohttp.ClientSession(cookie_jar=jar) as session:
        for exchange in exchanges:
            page.show(exchange)
        yield Asker(page, session)


@asynccontextmanager
async def entered(*exchanges: Exchange, **more: Any) -> AsyncIterator[Asker]:
    async with asking(*exchanges, **more) as asker:
        await asker.enter()
        yield asker
