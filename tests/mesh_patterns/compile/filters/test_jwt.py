"""Tokens in a real Envoy: who brings none, or no good one, is turned away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from mesh_patterns.tokens import Token, known_key, new_key, sign
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP, BANK, FILED = "https://shop.test", "https://bank.test", "https://filed.test"
OWN = new_key("own")
MESH = f"""
mesh:
  dataplane: node
  services:
    shop: {{calls: [edge]}}
    api:
    ruled:
    held:
    edge:
    keys:
    far:
    others:
    lost:
patterns:
- pattern: jwt
  on: api
  issuers:
    issuer: {SHOP}
    test: true
    audiences: [api, backend]
    claim_headers: {{x-user: sub}}
- pattern: jwt
  on: ruled
  issuers:
  - {{issuer: {SHOP}, test: true}}
  - {{issuer: {BANK}, test: true}}
  rules:
  - {{paths: /open, token: none}}
  - {{paths: [/money, "/bank/*"], issuers: {BANK}}}
  - {{paths: /maybe, methods: GET, token: optional}}
- pattern: jwt
  on: held
  issuers:
    issuer: {FILED}
    jwks_file: keys.json
    from_headers: {{x-token: "Token "}}
    from_params: token
    from_cookies: session
    forward: true
    payload_header: x-claims
- pattern: jwt
  on: shop -> edge
  issuers: {{issuer: {SHOP}, test: true}}
- pattern: jwt
  on: far
  issuers: {{issuer: {SHOP}, jwks_from: {{service: keys, path: /good}}}}
- pattern: jwt
  on: lost
  issuers: {{issuer: {SHOP}, jwks_from: {{service: others, path: /none}}}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("jwt")
    (folder / "keys.json").write_text(json.dumps(OWN.public_keys()))
    async with running(MESH, folder) as mesh:
        mesh.upstream.bodies["/good"] = json.dumps(known_key(SHOP).public_keys())
        yield mesh


LONG = timedelta(hours=2)  # some are signed when the tests are collected


def token(issuer: str = SHOP, **more: Any) -> str:
    key = OWN if issuer == FILED else None
    made = Token(issuer, **{"life": LONG, **more})
    return sign(made, datetime.now(UTC), key)


def bearer(issuer: str = SHOP, **more: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {token(issuer, **more)}"}


API = ("api",)


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({}, 401, "Jwt is missing"),
        ({"authorization": "Bearer nonsense"}, 401, "Jwt is not in the form of"),
        (bearer(audiences=API), 200, ""),
        (bearer(audiences=("other", "backend")), 200, ""),
        (bearer(audiences=("other",)), 403, "Audiences in Jwt are not allowed"),
        (bearer(), 403, "Audiences in Jwt are not allowed"),
        (bearer(audiences=API, flaw="expired"), 401, "Jwt is expired"),
        (bearer(audiences=API, flaw="early"), 401, "Jwt not yet valid"),
        (bearer(audiences=API, flaw="forged"), 401, "Jwt verification fails"),
        (bearer(BANK, audiences=API), 401, "Jwt issuer is not configured"),
    ],
)
async def test_only_a_good_token_gets_through(
    mesh: Running, headers: dict[str, str], status: int, body: str
) -> None:
    before = mesh.upstream.reached["api"]
    answer = await mesh.get("api", headers=headers)
    assert answer.status == status
    assert body in answer.body
    assert mesh.upstream.reached["api"] == before + (status == 200)


async def test_the_workload_gets_a_claim_and_no_token_and_no_lie(mesh: Running) -> None:
    headers = {**bearer(subject="ann", audiences=API), "x-user": "liar"}
    answer = await mesh.get("api", headers=headers)
    assert answer.got("x-user") == ["ann"]
    assert answer.got("authorization") == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/open/x", {}, 200),
        ("GET", "/open", {"authorization": "Bearer nonsense"}, 200),
        ("GET", "/opened", {}, 401),
        ("GET", "/", bearer(), 200),
        ("GET", "/", bearer(BANK), 200),
        ("GET", "/money", bearer(), 401),
        ("GET", "/money", bearer(BANK), 200),
        ("GET", "/bank/1", bearer(BANK), 200),
        ("GET", "/bank/1", {}, 401),
        ("GET", "/maybe", {}, 200),
        ("POST", "/maybe", {}, 401),
        ("GET", "/maybe", bearer(flaw="expired"), 401),
        ("GET", "/maybe", bearer(BANK), 200),
    ],
)
async def test_the_first_rule_about_a_request_says_what_it_needs(
    mesh: Running, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await mesh.get("ruled", path, headers, method)).status == status


async def test_a_token_may_be_in_a_header_a_parameter_or_a_cookie(mesh: Running) -> None:
    text = token(FILED, subject="ann")
    asked = [("/", {"x-token": f"Token {text}"}), (f"/?token={text}", {})]
    for path, headers in [*asked, ("/", {"cookie": f"session={text}"})]:
        answer = await mesh.get("held", path, headers)
        assert answer.status == 200
        assert len(answer.got("x-claims")) == 1
    assert (await mesh.get("held", headers={"authorization": f"Bearer {text}"})).status == 401


async def test_a_token_is_forwarded_where_somebody_wants_it(mesh: Running) -> None:
    text = f"Token {token(FILED)}"
    assert (await mesh.get("held", headers={"x-token": text})).got("x-token") == [text]


async def test_before_an_edge_only_its_requests_need_one(mesh: Running) -> None:
    assert (await mesh.get("edge", caller="shop")).status == 401
    assert (await mesh.get("edge", caller="shop", headers=bearer())).status == 200
    assert (await mesh.get("edge")).status == 200


async def test_a_preflight_of_a_browser_needs_none(mesh: Running) -> None:
    asks = {"origin": "https://x.example", "access-control-request-method": "GET"}
    assert (await mesh.get("api", "/", asks, "OPTIONS")).status == 200


async def test_keys_come_from_a_service_of_the_mesh(mesh: Running) -> None:
    """It is asked once, as anybody who calls it: through its Envoy."""
    assert (await mesh.get("far", headers=bearer())).status == 200
    assert (await mesh.get("far", headers=bearer(flaw="forged"))).status == 401
    assert mesh.upstream.reached["keys"] == 1


async def test_without_keys_nobody_gets_through(mesh: Running) -> None:
    """The upstream says something that is no key set."""
    answer = await mesh.get("lost", headers=bearer())
    assert (answer.status, answer.body) == (401, "Jwks remote fetch is failed")
