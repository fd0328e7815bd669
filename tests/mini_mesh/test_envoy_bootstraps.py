"""An Envoy's own bootstrap, run by that Envoy and as a mesh, answers the same."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mesh_patterns import tokens
from mesh_patterns.load import load
from mini_mesh.envoy_binary import locate
from mini_mesh.ports import LOOPBACK, Ports
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.ready import wait_for_live
from mini_mesh.processes.supervisor import Supervisor
from tests.mesh_patterns.running import Upstream
from tests.mini_mesh.live import needs_envoy, opened

pytestmark = pytest.mark.asyncio

DATA = Path(__file__).parents[1] / "mesh_patterns" / "importers" / "envoy" / "data"
SERVERS = ("WEB", "API", "NEXT")
LISTENERS = ("FRONT", "LIMITED", "DATABASE", "ADMIN")
SHOP = {"host": "shop.test"}
TOKEN = tokens.sign(tokens.Token("https://issuer.test"), datetime.now(UTC))
KEYS = json.dumps(tokens.known_key("https://issuer.test").public_keys())
# Which listener, how, what path, and with which headers.
ASKED: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("FRONT", "GET", "/", SHOP),
    ("FRONT", "GET", "/", {"host": "www.shop.test", "x-secret": "1"}),
    ("FRONT", "GET", "/api/a?b=c", SHOP),
    ("FRONT", "GET", "/api/a", {**SHOP, "x-beta": "yes"}),
    ("FRONT", "GET", "/api/a", {**SHOP, "x-beta": "yes", "x-wait": "1.2"}),
    ("FRONT", "GET", "/api/a?version=2.1", SHOP),
    ("FRONT", "DELETE", "/api/a", SHOP),
    ("FRONT", "GET", "/item/12", SHOP),
    ("FRONT", "GET", "/item/12", {**SHOP, "x-id": "no", "x-answer": "503,200"}),
    ("FRONT", "GET", "/", {**SHOP, "x-id": "yes", "x-answer": "503,503,200"}),
    ("FRONT", "GET", "/old", SHOP),
    ("FRONT", "GET", "/secure/a?b", SHOP),
    ("FRONT", "GET", "/CASE", SHOP),
    ("FRONT", "GET", "/", {**SHOP, "origin": "https://a.friend.test"}),
    ("FRONT", "GET", "/", {**SHOP, "origin": "https://a.foe.test"}),
    ("FRONT", "OPTIONS", "/", {
        **SHOP, "origin": "https://a.friend.test", "access-control-request-method": "PUT",
    }),
    ("FRONT", "GET", "/", {**SHOP, "x-tea": "please"}),
    ("FRONT", "GET", "/", {**SHOP, "x-blocked": "1"}),
    ("FRONT", "GET", "/only/this", {"host": "bare.test:1234"}),
    ("FRONT", "GET", "/only/this", {"host": "bare.test", "x-wait": "0.6"}),
    ("FRONT", "GET", "/other", {"host": "bare.test"}),
    ("FRONT", "GET", "/", {"host": "unknown.test"}),
    ("LIMITED", "GET", "/private", {}),
    ("LIMITED", "GET", "/private", {"authorization": f"Bearer {TOKEN}"}),
    ("LIMITED", "GET", "/", {}),
    ("LIMITED", "GET", "/", {}),
    ("LIMITED", "GET", "/", {}),
    ("DATABASE", "GET", "/as/it/is", {"host": "anything"}),
)  # fmt: skip
OWN = re.compile(r"x-envoy-.*|x-request-id|date|x-forwarded-.*|content-length|server|x-powered-by")


def steady(headers: Any) -> list[tuple[str, str]]:
    """Header fields, without those that differ from run to run, or that a proxy is known by."""
    pairs = [(str(name).lower(), str(value)) for name, value in headers]
    return sorted(pair for pair in pairs if not OWN.fullmatch(pair[0]))


async def answers(ports: Mapping[str, int]) -> list[Any]:
    found = []
    async with aiohttp.ClientSession(skip_auto_headers=["user-agent", "accept"]) as session:
        for listener, method, path, headers in ASKED:
            url = f"http://{LOOPBACK}:{ports[listener]}{path}"
            async with session.request(
                method, url, headers=headers, allow_redirects=False
            ) as response:
                body = await response.text()
                told: Any = body
                if body.startswith("{"):
                    said = await response.json(content_type=None)
                    told = said["instance"], said["path"], steady(said["headers"])
                found.append((path, response.status, steady(response.headers.items()), told))
    return found


@asynccontextmanager
async def servers(upstream: Upstream, ports: Mapping[str, int]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for name in SERVERS:
            runner = web.ServerRunner(upstream.handler(name), shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, LOOPBACK, ports[name], reuse_address=True).start()
        yield


async def by_envoy(file: Path, ports: Mapping[str, int]) -> list[Any]:
    """What the Envoy answers that the file is for."""
    envoy, _ = locate(None, os.environ)
    command = [str(envoy), "--disable-hot-restart", "-c", str(file), "--concurrency", "1"]
    async with Supervisor(grace=0.1) as supervisor:
        process = await supervisor.start(ProcessSpec("envoy", command))
        await wait_for_live(process, ports["ADMIN"])
        return await answers(ports)


async def by_mesh(file: Path, ports: Mapping[str, int]) -> list[Any]:
    """What the mesh answers that the file becomes."""
    async with opened(file.parent) as live:
        await live.mesh.start(load([file]))
        return await answers(ports)


async def test_a_front_proxy_answers_in_a_mesh_as_it_does_by_itself(tmp_path: Path) -> None:
    needs_envoy()
    with Ports() as taken:
        ports = {name: taken.take() for name in (*SERVERS, *LISTENERS)}
        taken.release(*(ports[name] for name in LISTENERS))
        text = (DATA / "front-proxy.yaml").read_text().replace("KEYS", KEYS)
        for name, port in ports.items():
            text = re.sub(rf"\b{name}\b(?=\}})", str(port), text)
        file = tmp_path / "front-proxy.yaml"
        file.write_text(text)
        first, second = Upstream(), Upstream()
        async with servers(first, ports):
            wanted = await by_envoy(file, ports)
        async with servers(second, ports):
            found = await by_mesh(file, ports)
            for one, other in zip(found, wanted, strict=True):
                assert one == other
            await second.until(lambda: second.reached == first.reached)  # mirrored ones, too
    assert {status for _, status, *_ in wanted} == {
        200, 301, 302, 401, 403, 404, 405, 418, 429, 503, 504,
    }  # fmt: skip
