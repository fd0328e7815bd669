"""The door to HTTP beside gRPC: is it healthy, what did it do, and discovery for those that poll.

``GET /healthz`` is open to all: 200 where something is served, 503 where not, each with a short
JSON. ``GET /metrics`` (Prometheus) and ``POST /v3/discovery:…`` (``rest.py``) are protected as the
gRPC side is: by a bearer token, by client certificates, or by both.
"""

from __future__ import annotations

import hmac
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from xds_server.cache import Cache
from xds_server.errors import XdsError
from xds_server.node import GroupOf, by_node_id
from xds_server.serving import auth, metrics, rest
from xds_server.serving.metrics import Metrics
from xds_server.serving.rest import Polling
from xds_server.serving.server import XdsServer

MAX_REQUEST_BYTES = 4 * 2**20  # of one poll, as gRPC's default for one message
REFUSED = "wanted the header 'authorization: Bearer TOKEN' with this server's token"
NO_CERTIFICATE = "wanted a client certificate that this server's authority signed"

_HEALTH, _METRICS = "/healthz", "/metrics"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Protection:
    """Who may come in. ``client_certificate``: the TLS context knows who signs those."""

    token: str | None = None
    client_certificate: bool = False

    def refusal(self, request: web.Request) -> web.Response | None:
        """What a request is answered that may not come in."""
        peer = request.transport.get_extra_info("peercert") if request.transport else None
        if self.client_certificate and not peer:
            return web.Response(status=403, text=NO_CERTIFICATE)
        given = request.headers.get("authorization", "").encode()
        if self.token and not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            return web.Response(
                status=401, text=REFUSED, headers={"www-authenticate": 'Bearer realm="xds"'}
            )
        return None


def application(
    server: XdsServer,
    cache: Cache,
    counted: Metrics,
    group_of: GroupOf = by_node_id,
    protection: Protection = Protection(),
    polling: Polling = Polling(),  # noqa: B008 - frozen
) -> web.Application:
    """All of it for one ``server``; it has to run on the loop that the server runs on."""

    @web.middleware
    async def protect(request: web.Request, handler: _Handler) -> web.StreamResponse:
        refused = None if request.path == _HEALTH else protection.refusal(request)
        return refused or await handler(request)

    async def health(request: web.Request) -> web.Response:
        return _health(server, cache, counted)

    async def scrape(request: web.Request) -> web.Response:
        return web.Response(body=counted.text(), headers={"content-type": metrics.CONTENT_TYPE})

    app = web.Application(middlewares=[protect], client_max_size=MAX_REQUEST_BYTES)
    app.add_routes([web.get(_HEALTH, health), web.get(_METRICS, scrape)])
    app.add_routes(rest.routes(cache, group_of, counted.polled, polling))
    return app


def _health(server: XdsServer, cache: Cache, counted: Metrics) -> web.Response:
    groups = len(cache.groups())
    wrong = "the gRPC side is down" if not server.running else "there is nothing to serve"
    if not (server.running and groups):
        return web.json_response({"status": "not serving", "why": wrong}, status=503)
    return web.json_response({"status": "serving", "groups": groups, "clients": counted.clients()})


def tls(cert: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """As ``auth.tls``; but who has no certificate still gets as far as ``/healthz``."""
    context = auth.context(cert, key, client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL if client_ca else ssl.CERT_NONE
    return context


@asynccontextmanager
async def listening(
    app: web.Application,
    address: str = "127.0.0.1",
    port: int = 0,
    secure: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serves ``app`` until the end of the block; the port, 0 asks for a free one.

    Raises ``XdsError`` when the port is taken.
    """
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.strip("[]"), port, ssl_context=secure)
        try:
            await site.start()
        except OSError as error:
            raise XdsError(f"{address}:{port}: can not listen there: {error}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
