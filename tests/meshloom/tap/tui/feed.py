"""A feed of real exchanges for the application, without a hub: what tests push, it yields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, Timing
from tap.live.coverage import Coverage

START = 1795219651.2209
SOURCES = ("admin_tap", "access_log")


def exchange(number: int, **more: object) -> Exchange:
    """One of a little shop's requests; the numbers decide about status, path and time."""
    status = (200, 200, 201, 304, 404, 503)[number % 6]
    service = ("reviews", "details", "ratings")[number % 3]
    took = 0.004 + (number * 37 % 90) / 1000
    headers = Headers.of({"user-agent": "curl/8.5", "end-user": "jason", "x-number": str(number)})
    values: dict[str, object] = {
        "id": f"{number:04x}",
        "node": "productpage-v1",
        "request": Request(
            ("GET", "POST")[number % 2],
            f"/{service}/{number}",
            authority=f"{service}:9080",
            headers=headers,
            body=Body(b'{"item": "teapot", "count": 2}', size=30) if number % 2 else Body(size=0),
        ),
        "response": Response(
            status,
            Headers.of({"content-type": "application/json", "server": "envoy"}),
            Body(b'{\n  "stars": 5,\n  "text": "splendid"\n}', size=38),
        ),
        "request_id": f"3f0c-{number // 3}",
        "direction": "outbound",
        "source": Endpoint("productpage", "v1", "127.0.0.1:51234"),
        "destination": Endpoint(service, f"v{1 + number % 2}", "127.0.0.1:9080"),
        "started": START + number / 100,
        "duration": took,
        "route": f"{service}-route",
        "cluster": f"{service}-v{1 + number % 2}",
        "flags": ("UO",) if status == 503 else (),
        "attempts": 3 if status == 503 else 1,
        "details": "via_upstream",
        "timing": Timing(0.0005, 0.001, took * 0.8, took),
        "sources": SOURCES,
    }
    return Exchange(**{**values, **more})  # type: ignore[arg-type]


class Feed:
    """``connect`` is what the application calls. ``end`` closes it; an exception is raised."""

    def __init__(self, *events: Exchange | Coverage) -> None:
        self._queue: asyncio.Queue[Exchange | Coverage | Exception | None] = asyncio.Queue()
        for each in events:
            self.push(each)

    def push(self, *events: Exchange | Coverage | Exception | None) -> None:
        for each in events:
            self._queue.put_nowait(each)

    def end(self) -> None:
        self.push(None)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncIterator[Exchange | Coverage]]:
        yield self._events()

    async def _events(self) -> AsyncIterator[Exchange | Coverage]:
        while (event := await self._queue.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event
