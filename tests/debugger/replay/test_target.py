"""Where a replay goes."""

from __future__ import annotations

import pytest

from debugger.replay.target import TargetError, needs_mesh, target_of
from mesh_traffic import Endpoint, Exchange, replace
from tests.debugger.replay.captures import GET, STATE, requested

OUTBOUND = replace(
    GET,
    node="web-v1",
    direction="outbound",
    route="reviews.1",
    source=Endpoint("web", "v1"),
    destination=Endpoint("reviews", "v2"),
)
CLIENT = replace(OUTBOUND, node="ingress", source=Endpoint("client"))
INBOUND = replace(OUTBOUND, node="reviews-v2", direction="inbound", source=Endpoint())


@pytest.mark.parametrize(
    ("exchange", "address", "words", "node"),
    [
        (GET, "127.0.0.1:8080", "the ingress", "ingress"),
        (requested(authority="127.0.0.1:8081"), "127.0.0.1:8081", "the ingress", "ingress"),
        (OUTBOUND, "127.0.0.1:1201", "web v1's calls to reviews", "web-v1"),
        (CLIENT, "127.0.0.1:1002", "client's calls to reviews", "ingress"),
        (INBOUND, "127.0.0.1:1104", "reviews v2, where its requests come in", "reviews-v2"),
        # nothing matched, so there is no route: the host says who was called
        (
            requested(replace(OUTBOUND, route="", destination=Endpoint()), authority="reviews:80"),
            "127.0.0.1:1201",
            "web v1's calls to reviews",
            "web-v1",
        ),
    ],
)
def test_live_is_the_listener_that_saw_it(
    exchange: Exchange, address: str, words: str, node: str
) -> None:
    target = target_of("live", exchange, STATE)
    assert (target.address, target.words, target.node) == (address, words, node)
    assert target.host == "127.0.0.1"


def test_a_version_is_its_envoy() -> None:
    assert target_of("reviews/v1", GET, STATE).address == "127.0.0.1:1102"


@pytest.mark.parametrize(
    ("url", "address", "authority", "tls"),
    [
        ("http://127.0.0.1:99", "127.0.0.1:99", "127.0.0.1:99", False),
        ("http://api", "api:80", "api", False),
        ("https://[::1]/", "[::1]:443", "[::1]", True),
    ],
)
def test_a_url_is_a_server(url: str, address: str, authority: str, tls: bool) -> None:
    target = target_of(url, GET, None)
    assert (target.address, target.authority, target.tls) == (address, authority, tls)


@pytest.mark.parametrize(
    ("to", "exchange", "said"),
    [
        ("reviws/v1", GET, "the mesh has no 'reviws/v1'; did you mean 'reviews/v1'"),
        ("lve", GET, "expected live, SERVICE/VERSION, wasm:FILTER or a URL, got 'lve'; did you"),
        ("ftp://x", GET, "expected http://HOST:PORT or https://HOST:PORT, got 'ftp://x'"),
        ("http://x:y", GET, "no URL: 'http://x:y'"),
        ("http://u@x", GET, "expected a URL without user and path"),
        ("http://x/y", GET, "see --path"),
        ("live", replace(GET, direction=""), "nobody knows at which listener 000f was seen"),
        (
            "live",
            replace(INBOUND, destination=Endpoint("reviews", "v7")),
            "the mesh has no 'reviews/v7'",
        ),
        (
            "live",
            replace(OUTBOUND, source=Endpoint("web", "v9")),
            "the mesh has no calls from web v9 to reviews any more",
        ),
        (
            "live",
            requested(
                replace(OUTBOUND, route="", destination=Endpoint("ratngs")), authority="ratngs"
            ),
            "the mesh has no service 'ratngs'",
        ),
    ],
)
def test_nowhere_to_send_it_is_said(to: str, exchange: Exchange, said: str) -> None:
    with pytest.raises(TargetError) as failed:
        target_of(to, exchange, STATE)
    assert said in str(failed.value)


def test_a_mesh_that_is_gone_has_no_ingress() -> None:
    with pytest.raises(TargetError, match="has no ingress any more"):
        target_of("live", GET, {"ingress": None, "services": {}})
    with pytest.raises(TargetError, match="'live' needs a running mesh"):
        target_of("live", GET, None)
    assert [needs_mesh(to) for to in ("live", "a/b", "wasm:f", "http://x")] == [
        True, True, False, False
    ]  # fmt: skip
