"""What attributes tell of a request and its response.

Sources: OpenTelemetry, "Semantic conventions for HTTP spans" and "for RPC spans", the stable names
and those before 1.23; Envoy, "Tracing", "What data each trace contains".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mesh_traffic import Body, Headers, Request, Response
from tap.otlp.attributes import HEADERS, Attributes, Names, address

# Attributes → the names that they have here: those of one meaning have one.
NAMES: Mapping[str, str] = {
    "http.request.method": "method",
    "http.method": "method",
    "http.request.method_original": "method_original",
    "http.response.status_code": "status",
    "http.status_code": "status",
    "url.full": "url",
    "http.url": "url",
    "url.path": "path",
    "http.target": "path",
    "url.query": "query",
    "url.scheme": "scheme",
    "http.scheme": "scheme",
    "server.address": "host",
    "http.host": "host",
    "net.host.name": "host",
    "net.peer.name": "host",
    "server.port": "port",
    "net.host.port": "port",
    "net.peer.port": "peer_port",  # of who is asked, or of who asks: the span's kind tells
    "user_agent.original": "user_agent",
    "http.user_agent": "user_agent",
    "user_agent": "user_agent",
    "http.request.body.size": "request_size",
    "http.request_content_length": "request_size",
    "request_size": "request_size",
    "http.response.body.size": "response_size",
    "http.response_content_length": "response_size",
    "response_size": "response_size",
    "rpc.system.name": "rpc_system",
    "rpc.system": "rpc_system",
    "rpc.service": "rpc_service",
    "rpc.method": "rpc_method",
    "rpc.response.status_code": "rpc_status",
    "rpc.grpc.status_code": "rpc_status",
    "guid:x-request-id": "request_id",
}
_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]{0,20}):)?(?://([^/?#]*))?([^#]*)", re.DOTALL)
_METHOD = re.compile(r"[A-Za-z-]{1,20}|_OTHER")  # of tokens, those that people use
_GRPC = ("grpc", "connect_rpc", "connectrpc")  # calls that are a POST over HTTP
_NO_FIELDS, _NO_BODY = Headers(), Body()


def request_of(found: Attributes, names: Names) -> Request | None:
    """The request; None: the attributes tell of none."""
    method = found.get("method", "")
    if method == "_OTHER":
        method = found.get("method_original", method)
    if not method:
        return _call(found, names)
    if _METHOD.fullmatch(method) is None:
        return None
    scheme, authority, path = _where(found, names)
    body = _sized(found.get("request_size"))
    return Request(method, path, authority, scheme, _headers(found, HEADERS[0]), body)


def nothing_but(found: Attributes, names: Names) -> Request:
    """The request of a response, of which no method is told."""
    scheme, authority, path = _where(found, names)
    return Request("", path, authority, scheme, _headers(found, HEADERS[0]))


def _call(found: Attributes, names: Names) -> Request | None:
    """gRPC's path is ``/service/method`` (gRPC over HTTP2, "Requests")."""
    name = found.get("rpc_method")
    if found.get("rpc_system") not in _GRPC or not name:
        return None
    service = found.get("rpc_service")
    path = f"/{name}" if "/" in name or not service else f"/{service}/{name}"
    authority = names.authority(host_of(found))
    return Request("POST", path, authority, "http", _headers(found, HEADERS[0]))


def _where(found: Attributes, names: Names) -> tuple[str, str, str]:
    """Scheme, authority and path with query."""
    scheme = authority = path = None
    if (url := found.get("url")) is not None:
        met = _URL.match(url)
        scheme, authority, path = met.groups() if met is not None else (None, None, None)
    if not path:
        path, query = found.get("path", "/"), found.get("query")
        path = f"{path}?{query}" if query and "?" not in path else path
    scheme = scheme or found.get("scheme", "http")
    return scheme, names.authority(authority or host_of(found)), path


def host_of(found: Attributes) -> str:
    """``host:port`` of who was asked."""
    host = found.get("host", "")
    return host if ":" in host else address(host, found.get("port") or found.get("peer_port", ""))


def request_id_of(found: Attributes) -> str:
    """Envoy's ``x-request-id``: told by an Envoy, or recorded as a header."""
    told = found.get("request_id")
    if told is not None or not found.headers:
        return told or ""
    names = (f"{HEADERS[0]}{name}" for name in ("x-request-id", "x_request_id"))
    return next((found.headers[name] for name in names if name in found.headers), "")


def response_of(found: Attributes) -> Response | None:
    """The response; None: there was none, or nobody tells. What gRPC answered is a trailer."""
    status, code = found.get("status", ""), found.get("rpc_status", "")
    if status.isascii() and status.isdigit() and len(status) == 3 and status >= "100":
        number = int(status)
    elif code and found.get("rpc_system") in _GRPC:
        number = 200
    else:
        return None
    trailers = Headers((("grpc-status", code),)) if code else _NO_FIELDS
    body = _sized(found.get("response_size"))
    return Response(number, _headers(found, HEADERS[1]), body, trailers)


def _headers(found: Attributes, start: str) -> Headers:
    """Those that the sender was told to record, and what has an attribute of its own."""
    fields = [
        (name.removeprefix(start).replace("_", "-").lower(), value)
        for name, value in found.headers.items()
        if name.startswith(start)
    ]
    agent = found.get("user_agent") if start == HEADERS[0] else None
    if agent and not any(name == "user-agent" for name, _ in fields):
        fields.insert(0, ("user-agent", agent))
    return Headers(tuple(fields)) if fields else _NO_FIELDS


def _sized(size: str | None) -> Body:
    if size is None or not (size.isascii() and size.isdigit() and len(size) < 16):
        return _NO_BODY
    return Body(b"", truncated=int(size) > 0, size=int(size))
