from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from mesh_patterns.tokens import new_key
from tests.mesh_patterns.conftest import Read, Refusal

NOW = datetime.now(UTC)
MESH = "mesh: {services: {api: }}\nexpect:\n"


def claims(value: str) -> dict[str, object]:
    """What a header's token says, whoever signed it."""
    read: dict[str, object] = jwt.decode(
        value.removeprefix("Bearer "), options={"verify_signature": False}
    )
    return read


def test_a_claims_requests_bring_a_token_that_is_signed_for_them(read: Read) -> None:
    token = "{issuer: https://a, subject: ann, audience: api, claims: {groups: [x]}, lasts: 1m}"
    (claim,) = read(
        f"{MESH}- {{to: api, headers: {{a: b}}, token: {token}, status: 200}}"
    ).mesh.claims
    fields = claim.fields(NOW)
    assert fields["a"] == "b"
    assert fields["authorization"].startswith("Bearer ")
    said = claims(fields["authorization"])
    begins = int(NOW.timestamp())
    assert said == {
        "iss": "https://a", "sub": "ann", "aud": "api", "groups": ["x"],
        "iat": begins, "nbf": begins, "exp": begins + 60,
    }  # fmt: skip
    assert claim.token is not None
    assert claim.token.said() == "token of ann from https://a"


def test_in_another_header_it_stands_alone(read: Read) -> None:
    token = "{issuer: a, header: X-Token, flaw: expired}"
    (claim,) = read(f"{MESH}- {{to: api, token: {token}, status: 401}}").mesh.claims
    assert claims(claim.fields(NOW)["x-token"])["iss"] == "a"
    assert claim.token is not None
    assert claim.token.said() == "expired token of somebody from a"


def test_it_may_be_signed_with_a_key_in_a_file(read: Read, tmp_path: Path) -> None:
    key = new_key("mine")
    (tmp_path / "key.json").write_text(key.private())
    token = "{issuer: a, key: key.json}"
    (claim,) = read(f"{MESH}- {{to: api, token: {token}, status: 200}}").mesh.claims
    text = claim.fields(NOW)["authorization"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(text)["kid"] == "mine"


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("{issuer: a, key: none.json}", "3:37: can't read"),
        ("{issuer: a, key: mesh.yaml}", "is no private key of P-256"),
        ("{issuer: a, flaw: old}", "flaw"),
        ("{subject: a}", "issuer"),
    ],
)
def test_what_can_not_be_signed_is_refused(refusal: Refusal, token: str, told: str) -> None:
    assert told in refusal(f"{MESH}- {{to: api, token: {token}, status: 200}}")
