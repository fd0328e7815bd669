"""What a span of a program tells, by the names of all conventions."""

from __future__ import annotations

from typing import Any

import pytest

from mesh_traffic import Endpoint, Headers, Trace
from tests.tap.otlp.made import CLIENT, CONSUMER, INTERNAL, PRODUCER, SERVER, only, span

STABLE = {
    "http.request.method": "GET",
    "url.scheme": "https",
    "url.path": "/cart",
    "url.query": "item=1",
    "http.response.status_code": 404,
    "server.address": "shop.test",
    "server.port": 8443,
    "network.peer.address": "127.0.0.1",
    "network.peer.port": 40001,
    "user_agent.original": "curl/8",
    "http.route": "/cart",
    "error.type": "404",
}
OLD = {
    "http.method": "GET",
    "http.scheme": "https",
    "http.target": "/cart?item=1",
    "http.status_code": "404",
    "http.host": "shop.test:8443",
    "net.peer.ip": "127.0.0.1",
    "net.peer.port": 40001,
    "http.user_agent": "curl/8",
    "http.route": "/cart",
    "error.type": "404",
}
URL = {
    "http.method": "GET",
    "http.url": "https://shop.test:8443/cart?item=1#top",
    "http.status_code": 404,
    "net.sock.peer.addr": "127.0.0.1",
    "net.sock.peer.port": 40001,
    "http.user_agent": "curl/8",
    "http.route": "/cart",
    "error.type": "404",
}


@pytest.mark.parametrize("attributes", [STABLE, OLD, URL], ids=["stable", "old", "url"])
def test_a_servers_span_is_the_request_that_it_got(attributes: dict[str, Any]) -> None:
    sent = span(SERVER, id_=0xAB, parent=0xCD, attributes=attributes)
    one = only(sent, service_version="v3", service_instance_id="i-1")
    request = one.request
    assert (request.method, request.scheme, request.authority, request.path) == (
        "GET", "https", "shop.test:8443", "/cart?item=1",
    )  # fmt: skip
    assert request.headers == Headers.of({"user-agent": "curl/8"})
    assert (one.status, one.route, one.details) == (404, "/cart", "404")
    assert (one.node, one.direction, one.sources) == ("shop/i-1", "inbound", ("otlp trace",))
    assert one.source == Endpoint(address="127.0.0.1:40001")
    assert one.destination == Endpoint("shop", "v3")
    assert (one.started, one.duration) == (10.0, 0.25)
    assert one.trace == Trace(f"{7:032x}", f"{0xAB:016x}", f"{0xCD:016x}", "server")
    assert not one.is_step


def test_a_clients_span_is_the_request_that_it_sent() -> None:
    url = {"http.request.method": "PUT", "url.full": "http://reviews:9080/1"}
    one = only(span(CLIENT, attributes={**url, "http.request.resend_count": 2}))
    assert (one.source.service, one.destination) == (
        "shop",
        Endpoint("reviews", "", "reviews:9080"),
    )
    assert (one.direction, one.status, one.attempts) == ("outbound", None, 3)


@pytest.mark.parametrize(
    "attributes",
    [
        {"rpc.system": "grpc", "rpc.service": "a.B", "rpc.method": "C", "rpc.grpc.status_code": 14},
        {"rpc.system.name": "grpc", "rpc.method": "a.B/C", "rpc.response.status_code": "14"},
    ],
)
def test_a_call_of_grpc_is_a_post_whose_status_is_a_trailer(attributes: dict[str, Any]) -> None:
    one = only(span(CLIENT, attributes={**attributes, "server.address": "reviews"}))
    assert (one.request.method, one.request.path, one.status) == ("POST", "/a.B/C", 200)
    assert one.response is not None
    assert one.response.trailers == Headers.of({"grpc-status": "14"})


def test_headers_that_the_sender_recorded_are_headers() -> None:
    one = only(
        span(
            attributes={
                "http.request.method": "GET",
                "http.request.header.x-request-id": ["r-1"],
                "http.request.header.x_tenant": ["a", "b"],
                "http.response.header.retry-after": ["7"],
                "http.response.status_code": 503,
            }
        )
    )
    assert one.request_id == "r-1"
    assert one.request.headers.get("x-tenant") == "a, b"
    assert one.response is not None
    assert one.response.headers == Headers.of({"retry-after": "7"})


@pytest.mark.parametrize(
    ("kind", "attributes", "name", "to"),
    [
        (INTERNAL, {}, "price of cart", ""),
        (INTERNAL, {"http.method": "GET"}, "GET /x http send", ""),
        (CLIENT, {"db.system": "redis", "server.address": "cache"}, "GET", "cache"),
        (CLIENT, {"db.system.name": "sqlite"}, "SELECT ratings", "sqlite"),
        (PRODUCER, {"messaging.system": "kafka"}, "send orders", "kafka"),
        (CONSUMER, {"messaging.system": "kafka"}, "process orders", "shop"),
        (CLIENT, {"rpc.system": "aws-api", "rpc.method": "A"}, "S3.ListBuckets", "aws-api"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_a_step_with_its_name(
    kind: int, attributes: dict[str, Any], name: str, to: str
) -> None:
    one = only(span(kind, name, attributes=attributes, failed=True))
    assert one.is_step
    assert (one.request.method, one.request.path, one.status) == ("", name, None)
    assert str(one.destination) == (to or "?")
    assert one.details == "error"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("SELECT * FROM users WHERE pin = 's3cr3t'", "SELECT"),
        ("UPDATE users SET pin = 's3cr3t'", "UPDATE users"),
        ("'s3cr3t'", ""),
    ],
)
def test_a_statement_is_taken_neither_from_its_attribute_nor_from_a_name(
    name: str, kept: str
) -> None:
    told = {"db.system": "postgresql", "db.statement": "s3cr3t", "db.query.text": "s3cr3t"}
    one = only(span(CLIENT, name, attributes=told))
    assert "s3cr3t" not in repr(one)
    assert one.request.path == kept


def test_only_named_attributes_are_taken() -> None:
    told = {"http.request.method": "GET", "url.path": "/", "exception.message": "s3cr3t"}
    kinds = {"x": b"s3cr3t", "enduser.id": "s3cr3t", "http.request.body": "s3cr3t"}
    assert "s3cr3t" not in repr(only(span(attributes={**told, **kinds})))


@pytest.mark.parametrize(
    "attributes",
    [
        {"http.method": "GET /evil HTTP/1.1\r\n"},
        {"http.method": ""},
        {"http.method": b"GET"},
        {"http.method": []},
    ],
)
def test_what_is_no_method_makes_no_request(attributes: dict[str, Any]) -> None:
    assert only(span(attributes=attributes)).is_step


@pytest.mark.parametrize("status", ["-", "", "abc", "0", -5, 10**18, "²", True, 3.5])
def test_what_is_no_status_is_no_response(status: Any) -> None:
    one = only(span(attributes={"http.method": "GET", "http.status_code": status}))
    assert one.status is None


@pytest.mark.parametrize(
    "url", ["", "://", "http://", "http://[::1", "//", "?", "x" * 9000, "http://a:b@c/d", "\0\n"]
)
def test_any_url_is_a_path(url: str) -> None:
    one = only(span(CLIENT, attributes={"http.method": "GET", "http.url": url}))
    assert one.request.method == "GET"
    assert len(one.request.path) <= 8192


def test_a_span_that_ends_before_it_starts_has_no_duration() -> None:
    sent = span()
    sent.end_time_unix_nano = 5
    assert only(sent).duration is None
    sent.start_time_unix_nano = 2**64 - 1
    assert only(sent).started < 1e11
