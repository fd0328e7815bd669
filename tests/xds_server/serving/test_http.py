"""HTTP beside gRPC: who may ask what, and what is answered when the other side is down."""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.xds_server.certificates import Authority
from tests.xds_server.playbook import a_cluster, snapshot
from xds_server.cache import Cache
from xds_server.errors import XdsError
from xds_server.serving import http
from xds_server.serving.http import Protection
from xds_server.serving.metrics import Metrics
from xds_server.serving.server import XdsServer

POLL = "/v3/discovery:clusters"
BODY = '{"node": {"id": "node"}}'


class Side:
    """An application that runs, its cache and its server, and a client."""

    def __init__(self, port: int, cache: Cache, server: XdsServer) -> None:
        self._port, self.cache, self.server = port, cache, server
        self.scheme = "http"

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        return await self._ask("GET", path, **more)

    async def poll(self, body: Any = BODY, **more: Any) -> tuple[int, str]:
        return await self._ask("POST", POLL, data=body, **more)

    async def _ask(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        url = f"{self.scheme}://127.0.0.1:{self._port}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url, **more) as got:
            return got.status, await got.text()


@asynccontextmanager
async def side(
    protection: Protection | None = None, secure: ssl.SSLContext | None = None
) -> AsyncIterator[Side]:
    cache = Cache()
    cache.set("node", snapshot(a_cluster("a")))
    metrics = Metrics(cache)
    server = XdsServer(cache, on_event=metrics.record)
    await server.start()
    app = http.application(server, cache, metrics, protection=protection or Protection())
    try:
        async with http.listening(app, secure=secure) as port:
            yield Side(port, cache, server)
    finally:
        await server.stop()


async def test_health_is_told_in_json() -> None:
    async with side() as it:
        status, text = await it.get("/healthz")
        assert (status, json.loads(text)) == (
            200,
            {"status": "serving", "groups": 1, "clients": 0},
        )


async def test_a_server_that_is_down_is_not_healthy() -> None:
    async with side() as it:
        await it.server.stop()
        status, text = await it.get("/healthz")
        assert (status, json.loads(text)) == (
            503,
            {"status": "not serving", "why": "the gRPC side is down"},
        )


async def test_a_server_with_nothing_to_serve_is_not_healthy() -> None:
    cache = Cache()
    server = XdsServer(cache)
    await server.start()
    async with http.listening(http.application(server, cache, Metrics(cache))) as port:
        status, text = await Side(port, cache, server).get("/healthz")
    await server.stop()
    assert (status, json.loads(text)["why"]) == (503, "there is nothing to serve")


async def test_polls_are_answered_and_counted() -> None:
    async with side() as it:
        assert (await it.poll())[0] == 200
        assert (await it.poll("{"))[0] == 400
        status, text = await it.get("/metrics")
        assert status == 200
        assert 'xds_polls_total{code="200",type="Cluster"} 1.0' in text
        assert 'xds_polls_total{code="400",type="Cluster"} 1.0' in text


async def test_a_poll_beyond_all_measure_is_refused() -> None:
    async with side() as it:
        assert (await it.poll(io.BytesIO(b" " * (http.MAX_REQUEST_BYTES + 1))))[0] == 413
        assert (await it.poll())[0] == 200


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Bearer ", "s3cret"])
async def test_who_has_no_token_sees_only_whether_it_is_healthy(given: str) -> None:
    headers = {"authorization": given} if given else {}
    async with side(Protection(token="s3cret")) as it:
        assert (await it.get("/healthz", headers=headers))[0] == 200
        assert await it.get("/metrics", headers=headers) == (401, http.REFUSED)
        assert await it.poll(headers=headers) == (401, http.REFUSED)
        right = {"authorization": "Bearer s3cret"}
        assert (await it.get("/metrics", headers=right))[0] == 200
        assert (await it.poll(headers=right))[0] == 200


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.ca)
    return context


async def test_who_has_no_certificate_sees_only_whether_it_is_healthy(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (cert, key), mine = authority.sign("server"), authority.sign("client")
    secure = http.tls(cert, key, authority.ca)
    nobody, known = trusting(authority), trusting(authority)
    known.load_cert_chain(*mine)
    async with side(Protection(client_certificate=True), secure) as it:
        it.scheme = "https"
        assert (await it.get("/healthz", ssl=nobody))[0] == 200
        assert await it.get("/metrics", ssl=nobody) == (403, http.NO_CERTIFICATE)
        assert await it.poll(ssl=nobody) == (403, http.NO_CERTIFICATE)
        assert (await it.get("/metrics", ssl=known))[0] == 200
        assert (await it.poll(ssl=known))[0] == 200


async def test_a_certificate_of_somebody_else_is_refused(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    authority = Authority(ours)
    stranger = trusting(authority)
    stranger.load_cert_chain(*Authority(theirs).sign("client"))
    secure = http.tls(*authority.sign("server"), authority.ca)
    async with side(Protection(client_certificate=True), secure) as it:
        it.scheme = "https"
        with pytest.raises(aiohttp.ClientError):
            await it.get("/healthz", ssl=stranger)


async def test_a_port_that_is_taken_is_refused() -> None:
    async with side() as it:
        app = http.application(it.server, it.cache, Metrics(it.cache))
        with pytest.raises(XdsError, match=f"127.0.0.1:{it._port}: can not listen there"):
            async with http.listening(app, port=it._port):
                pass
