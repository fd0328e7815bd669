"""Test tokens are what RFC 7519 says, checked by PyJWT's other half."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from mesh_patterns.tokens import (
    ALGORITHM,
    SigningKey,
    Token,
    known_key,
    new_key,
    read_key,
    sign,
)


def now() -> datetime:
    return datetime.now(UTC)


def read(text: str, key: SigningKey, **more: Any) -> dict[str, Any]:
    """What a token says to who has the public keys."""
    (public,) = jwt.PyJWKSet.from_dict(key.public_keys()).keys
    claims: dict[str, Any] = jwt.decode(text, public, [ALGORITHM], **more)
    return claims


def test_a_token_says_what_it_was_told() -> None:
    made = Token("https://a", "ann", ("x", "y"), {"groups": ["admin"]})
    claims = read(sign(made, now(), None), known_key("https://a"), audience="y")
    assert claims["iss"] == "https://a"
    assert claims["sub"] == "ann"
    assert claims["groups"] == ["admin"]
    assert claims["exp"] - claims["iat"] == 300
    assert "aud" not in Token("a").payload(now())
    assert Token("a", audiences=("x",)).payload(now())["aud"] == "x"


@pytest.mark.parametrize(
    ("flaw", "refused"),
    [
        ("expired", jwt.ExpiredSignatureError),
        ("early", jwt.ImmatureSignatureError),
        ("forged", jwt.InvalidSignatureError),
    ],
)
def test_a_flaw_is_found(flaw: Any, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        read(sign(Token("a", flaw=flaw), now()), known_key("a"))


def test_a_test_issuer_has_one_key_everywhere_and_no_other_issuer_has_it() -> None:
    known_key.cache_clear()
    keys = known_key("https://shop.test").public_keys()
    assert keys["keys"][0]["x"] == "1lK8raxJBxkqpEcLnPZyjv5OHU8B0v_erHH2zyFCz_U"
    assert keys != known_key("https://bank.test").public_keys()


def test_a_key_of_ones_own_is_written_and_read() -> None:
    key = new_key("own")
    again = read_key(key.private())
    assert again.key_id == "own"
    assert read(sign(Token("a"), now(), again), key)["iss"] == "a"
    assert "d" not in key.public_keys()["keys"][0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "1",
        "[" * 100_000,
        json.dumps(known_key("a").public_keys()["keys"][0]),
        '{"kty": "oct", "k": "c2VjcmV0"}',
        '{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA", "d": "AA"}',
    ],
)
def test_what_is_no_private_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no private key of P-256"):
        read_key(text)
