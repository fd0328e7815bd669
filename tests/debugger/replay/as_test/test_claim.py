"""Claims of pattern files."""

from __future__ import annotations

from pathlib import Path

import pytest

from debugger.replay.as_test.claim import claim, claims
from debugger.replay.request.edit import Edit, outgoing
from mesh_patterns.load import load
from mesh_traffic import Body, Endpoint, Exchange, Headers, Response, replace
from tests.debugger.replay.captures import GET, NEW, having, requested

CAME = Response(
    200,
    Headers.of(
        {"server": "envoy", "date": "now", "x-plan": "free", "set-cookie": "[redacted 3f9a1c]"}
    ),
    Body(b"hello", size=5),
)
OUTBOUND = replace(
    GET,
    direction="outbound",
    route="reviews.1",
    source=Endpoint("web", "v1"),
    destination=Endpoint("reviews", "v2"),
)
MESH = (
    "mesh: {services: {web: {ingress: true, calls: [reviews]}, reviews: {versions: {v1: , v2: }}}}"
)


def text(exchange: Exchange, came: Response = CAME, other: Response | None = CAME) -> str:
    sent = outgoing(exchange, Edit(), NEW).request
    return claims([(exchange, sent, came, other)])


def test_a_pattern_file_takes_it(tmp_path: Path) -> None:
    odd = requested(OUTBOUND, path="/a?b=${c}&d=$$", body=Body(b"five: 'stars' # ${x}", size=20))
    (tmp_path / "mesh.yaml").write_text(MESH)
    (tmp_path / "expect.yaml").write_text(text(odd))
    draft = load([tmp_path / "mesh.yaml", tmp_path / "expect.yaml"])
    (found,) = draft.mesh.claims
    assert (found.from_, found.to, found.host) == ("web", "reviews", "shop.example")
    assert (found.path, found.body) == ("/a?b=${c}&d=$$", "five: 'stars' # ${x}")
    assert found.headers == {
        "accept": "*/*",
        "x-plan": "free",
        "x-forwarded-for": "1.2.3.4,192.0.2.2",
        "x-forwarded-proto": "http",
    }
    assert found.status == {200: found.status[200]}
    assert list(found.response_headers) == ["server", "x-plan"]
    assert found.body_contains == "hello"


def test_only_what_two_answers_have_is_claimed() -> None:
    sent = outgoing(GET, Edit(), NEW).request
    other = replace(CAME, headers=Headers.of({"server": "envoy"}), body=Body(b"bye", size=3))
    found = claim(GET, sent, CAME, other)
    assert found["response_headers"] == {"server": "envoy"}
    assert "body_contains" not in found
    assert "response_headers" not in claim(GET, sent, CAME, replace(CAME, status=500))


def test_at_an_ingress_its_port_is_not_claimed() -> None:
    local = requested(authority="127.0.0.1:42525")
    found = claim(local, local.request, CAME)
    assert (found["from"], found["to"]) == ("ingress", "web")
    assert "host" not in found
    assert claim(GET, GET.request, CAME)["host"] == "shop.example"


@pytest.mark.parametrize(
    ("exchange", "said"),
    [
        (replace(GET, direction="inbound"), "was seen where it came in"),
        (having(("content-type", "application/grpc")), "a claim says no bytes of a gRPC message"),
        (having(body=b"\xff"), "a claim's body is text, and this one is none"),
    ],
)
def test_what_no_claim_can_say_is_said(exchange: Exchange, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        text(exchange)
