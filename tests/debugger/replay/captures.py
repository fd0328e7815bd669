"""Captured exchanges to replay, and a running mesh as it tells of itself."""

from __future__ import annotations

from typing import Any

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, replace
from tests.tap.exchanges import SAMPLE

NEW = "0d9f8a7c-1234-4abc-9def-222222222222"

GET = replace(
    SAMPLE,
    id="000f",
    node="ingress",
    direction="ingress",
    route="any.0",
    request=Request(
        "GET",
        "/page?x=1",
        "shop.example",
        headers=Headers.of(
            (
                ("accept", "*/*"),
                ("x-plan", "free"),
                ("x-request-id", SAMPLE.request_id),
                ("x-forwarded-for", "1.2.3.4,192.0.2.2"),
                ("x-forwarded-proto", "http"),
                ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            )
        ),
    ),
    response=Response(
        200, Headers.of({"server": "envoy", "content-length": "1"}), Body(b"a", size=1)
    ),
    source=Endpoint("", "", "127.0.0.1:40000"),
    destination=Endpoint("web", "v1", "127.0.0.1:9081"),
)

STATE: dict[str, Any] = {
    "ingress": "http://127.0.0.1:8080",
    "services": {
        "web": {
            "url": "http://127.0.0.1:1001",
            "ingress": "http://127.0.0.1:8080",
            "versions": {
                "v1": {
                    "id": "web-v1",
                    "inbound": "127.0.0.1:1101",
                    "calls": {"reviews": "127.0.0.1:1201"},
                }
            },
        },
        "admin": {
            "url": "http://127.0.0.1:1003",
            "ingress": "http://127.0.0.1:8081",
            "versions": {"": {"id": "admin", "inbound": "127.0.0.1:1103", "calls": {}}},
        },
        "reviews": {
            "url": "http://127.0.0.1:1002",
            "ingress": None,
            "versions": {
                "v1": {"id": "reviews-v1", "inbound": "127.0.0.1:1102", "calls": {}},
                "v2": {"id": "reviews-v2", "inbound": "127.0.0.1:1104", "calls": {}},
            },
        },
    },
}


def requested(exchange: Exchange = GET, **changes: Any) -> Exchange:
    """The exchange with these parts of its request."""
    return replace(exchange, request=replace(exchange.request, **changes))


def having(*fields: tuple[str, str], body: bytes = b"", cut: bool = False) -> Exchange:
    """A captured request with these headers."""
    return requested(headers=Headers(fields), body=Body(body, cut, 100 if cut else len(body)))
