"""What tests of a live hub share: ask through an Envoy, wait for what a viewer is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from mesh_traffic import Exchange
from tap.language.match import compile_match
from tap.live.coverage import Coverage
from tap.live.hub import Hub
from tap.live.viewer import Viewer
from tap.sources.access_log import access_logs


async def ask(port: int, path: str, method: str = "GET", **more: Any) -> int:
    url = f"http://127.0.0.1:{port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, **more) as answer:
        await answer.read()
        return answer.status


async def attached(viewer: Viewer, envoys: int = 1) -> Coverage:
    """Wait until the viewer was told that so many Envoys are watched."""
    async with asyncio.timeout(10):
        while True:
            event = await viewer.next()
            if isinstance(event, Coverage) and event.watching == envoys:
                return event


async def shown(viewer: Viewer) -> Exchange:
    async with asyncio.timeout(10):
        while True:
            if isinstance(event := await viewer.next(), Exchange):
                return event


@asynccontextmanager
async def watching_both(envoy: Any, **more: Any) -> AsyncIterator[tuple[Hub, Viewer]]:
    """With the Envoy's access log."""
    hub = Hub([envoy.target], envoy.topology, logged=True, **more)
    async with hub.running(), access_logs(envoy.captures, hub.open_log):
        with hub.watch() as viewer:
            await attached(viewer)
            yield hub, viewer


@asynccontextmanager
async def watching(envoy: Any, match: str = "", **more: Any) -> AsyncIterator[tuple[Hub, Viewer]]:
    hub = Hub([envoy.target], envoy.topology, **more)
    async with hub.running():
        with hub.watch(compile_match(match)) as viewer:
            await attached(viewer)
            yield hub, viewer
