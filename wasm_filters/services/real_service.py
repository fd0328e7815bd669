"""A door: a real HTTP server as an upstream, or as the service that a callout goes to.

It is asked when the filter asks, and waited for. The time that it took passes on the worker's
clock, so a filter's timeouts count as they would in Envoy.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from urllib.parse import urlsplit

from mesh_traffic import Body, Headers, Request, Response
from wasm_filters.services.upstream import REFUSED, Answer, Upstream

PATIENCE = 30.0  # seconds
MAX_BODY = 64 << 20
_FRAMING = frozenset(("host", "content-length", "transfer-encoding", "connection", "keep-alive"))


def service_at(url: str) -> Upstream:
    """The server at ``http://HOST:PORT``; 503 if it is not there, as Envoy has it.

    ValueError: no such URL.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"expected http://HOST:PORT, got {url!r}")
    host, port = parts.hostname, parts.port or 80

    def ask(request: Request) -> Answer:
        return _ask(host, port, request)

    return ask


def _ask(host: str, port: int, request: Request) -> Answer:
    started = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        with contextlib.closing(connection):
            response = _exchange(connection, request)
    except (OSError, http.client.HTTPException):
        return REFUSED
    return Answer(response, time.monotonic() - started)


def _exchange(connection: http.client.HTTPConnection, request: Request) -> Response:
    connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
    connection.putheader("host", request.authority)
    for name, value in request.headers:
        if name.lower() not in _FRAMING:
            connection.putheader(name, value)
    body = request.body.data
    if body:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body or None)
    answer = connection.getresponse()
    fields = Headers(tuple((n.lower(), v) for n, v in answer.getheaders()))
    return Response(answer.status, fields, Body(answer.read(MAX_BODY)))
