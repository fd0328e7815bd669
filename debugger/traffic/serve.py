"""A door: SMI's metrics over HTTP, where a Kubernetes API server would have them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from debugger.admin.interface import AdminError
from debugger.traffic import ask
from debugger.traffic.flow import State, flows
from debugger.traffic.smi import GROUP, NAMESPACE, Metrics, NoMetrics, resources
from debugger.traffic.window import EVERY, Window

if TYPE_CHECKING:
    from aiohttp import web

HOST = "127.0.0.1"
ROOT = f"/apis/{GROUP}"

Answer = Callable[["web.Request"], Awaitable[dict[str, Any]]]


async def metrics(state: State, window: Window | None = None) -> Metrics:
    """What the mesh has seen, in the window or since its start. Raises ``AdminError``."""
    now = time.monotonic()
    seconds, before = window.before(now) if window else (0.0, {})
    told = await ask.told(ask.admins_of(state), before)
    found = list(flows(state, told))
    if window is None:
        seconds = await ask.uptime(ask.admins_of(state))
    stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Metrics(found, stamp, seconds)


@asynccontextmanager
async def serving(state: Callable[[], State], port: int = 0) -> AsyncIterator[int]:
    """Serve what the mesh has seen in the last half minute, at a port of the loopback interface,
    which is given. Raises ``OSError`` where it is taken."""
    from aiohttp import web

    window = Window()
    server = web.Application()
    server.router.add_get(ROOT, _answering(_resources))
    server.router.add_get(ROOT + "/", _answering(_resources))
    asked = {
        f"{ROOT}/namespaces": _listed,
        f"{ROOT}/namespaces/{{name}}": _one,
        f"{ROOT}/namespaces/{NAMESPACE}/{{resource}}": _listed,
        f"{ROOT}/namespaces/{NAMESPACE}/{{resource}}/{{name}}": _one,
        f"{ROOT}/namespaces/{NAMESPACE}/{{resource}}/{{name}}/edges": _edges,
    }
    for path, answer in asked.items():
        server.router.add_get(path, _answering(_bound(answer, state, window)))
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    looking = asyncio.ensure_future(_look(state, window))
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await runner.cleanup()


async def _look(state: Callable[[], State], window: Window) -> None:
    while True:
        with suppress(AdminError):  # an Envoy that starts, or ends: whoever asks is told
            window.keep(time.monotonic(), await ask.readings(ask.admins_of(state())))
        await asyncio.sleep(EVERY)


def _bound(
    answer: Callable[[Metrics, Mapping[str, str]], dict[str, Any]],
    state: Callable[[], State],
    window: Window,
) -> Answer:
    async def answered(request: web.Request) -> dict[str, Any]:
        asked = {**request.query, "resource": "namespaces", **request.match_info}
        return answer(await metrics(state(), window), asked)

    return answered


async def _resources(request: web.Request) -> dict[str, Any]:
    return resources()


def _listed(found: Metrics, asked: Mapping[str, str]) -> dict[str, Any]:
    return found.listed(asked["resource"], labels(asked.get("labelSelector", "")))


def _one(found: Metrics, asked: Mapping[str, str]) -> dict[str, Any]:
    return found.of(asked["resource"], asked["name"])


def _edges(found: Metrics, asked: Mapping[str, str]) -> dict[str, Any]:
    return found.edges(asked["resource"], asked["name"])


def labels(selector: str) -> dict[str, str]:
    """``app=web,version=v1``; anything else selects by a label that nothing has."""
    pairs = (part.replace("==", "=").partition("=") for part in selector.split(",") if part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _answering(answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """As JSON; what there is not is a Status, as Kubernetes says it."""
    from aiohttp import web

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await answer(request))
        except NoMetrics as error:
            return web.json_response(_status(404, "NotFound", str(error)), status=404)
        except AdminError as error:
            return web.json_response(_status(503, "ServiceUnavailable", str(error)), status=503)

    return handle


def _status(code: int, reason: str, message: str) -> dict[str, Any]:
    kind = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return {**kind, "message": message, "reason": reason, "code": code}
