"""What a token's claims allow, in a real Envoy: Istio's request principals and conditions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from mesh_patterns.tokens import Token, sign
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUER = "https://shop.test/auth"
SERVICES = ("named", "any", "ends", "grouped", "nested", "flagged", "scoped", "noone", "denied")
MESH = f"""
mesh: {{dataplane: node, services: {{{", ".join(f"{name}: " for name in SERVICES)}}}}}
patterns:
- {{pattern: jwt, on: "*", issuers: {{issuer: {ISSUER}, test: true}}, rules: {{token: optional}}}}
- {{pattern: authorization, on: named, allow: {{request_principals: {ISSUER}/ann}}}}
- {{pattern: authorization, on: any, allow: {{request_principals: "*"}}}}
- {{pattern: authorization, on: ends, allow: {{request_principals: ["*/bob", "https://b*"]}}}}
- {{pattern: authorization, on: grouped, allow: {{claims: {{groups: [admin, {{prefix: dev-}}]}}}}}}
- {{pattern: authorization, on: nested, allow: {{claims: {{"[realm][roles]": admin}}}}}}
- pattern: authorization
  on: flagged
  allow: {{claims: {{verified: "true", level: "3", https://x/y.z: {{present: true}}}}}}
- {{pattern: authorization, on: scoped, allow: {{claims: {{scope: read}}}}}}
- {{pattern: authorization, on: noone, allow: {{not: {{request_principals: "*"}}}}}}
- pattern: authorization
  on: denied
  deny: {{claims: {{groups: {{exact: admin, invert: true}}}}}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("claims")) as mesh:
        yield mesh


def ann(**claims: Any) -> Token:
    return Token(ISSUER, "ann", claims=claims)


BOB = Token(ISSUER, "bob")
FLAGS = {"verified": True, "level": 3, "https://x/y.z": "1"}


@pytest.mark.parametrize(
    ("to", "token", "status"),
    [
        *(("named", ann(), 200), ("named", BOB, 403), ("named", None, 403)),
        *(("any", ann(), 200), ("any", BOB, 200), ("any", None, 403)),
        *(("ends", BOB, 200), ("ends", ann(), 403)),
        ("grouped", ann(groups=["x", "admin"]), 200),
        ("grouped", ann(groups="admin"), 200),
        ("grouped", ann(groups=["dev-1"]), 200),
        ("grouped", ann(groups=["admins"]), 403),
        ("grouped", ann(groups=[]), 403),
        ("grouped", ann(), 403),
        ("nested", ann(realm={"roles": ["admin"]}), 200),
        ("nested", ann(realm={"roles": ["user"]}), 403),
        ("nested", ann(realm="admin"), 403),
        ("flagged", ann(**FLAGS), 200),
        ("flagged", ann(**FLAGS | {"verified": False}), 403),
        ("flagged", ann(**FLAGS | {"level": 4}), 403),
        ("scoped", ann(scope="write read"), 200),
        ("scoped", ann(scope="reads"), 403),
        *(("noone", None, 200), ("noone", ann(), 403)),
        *(("denied", ann(groups=["admin"]), 200), ("denied", ann(), 403), ("denied", None, 403)),
    ],
)
async def test_claims_decide(mesh: Running, to: str, token: Token | None, status: int) -> None:
    headers = {"authorization": f"Bearer {sign(token, datetime.now(UTC))}"} if token else {}
    answer = await mesh.get(to, headers=headers)
    assert answer.status == status
    assert status == 200 or answer.body == "RBAC: access denied"


async def test_a_bad_token_is_refused_before_anybody_looks_at_its_claims(mesh: Running) -> None:
    forged = sign(Token(ISSUER, "ann", flaw="forged"), datetime.now(UTC))
    answer = await mesh.get("named", headers={"authorization": f"Bearer {forged}"})
    assert (answer.status, answer.body) == (401, "Jwt verification fails")
