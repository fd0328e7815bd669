"""Tokens (JWT) for tests: an issuer that everybody may sign for, and issuers with a key in a file.

A test issuer's key is made out of its name. Whoever runs meshloom has it: no file and no variable
holds a secret, the same mesh has the same keys everywhere, and nothing that matters may ever trust
it. The door to PyJWT; no clock is read here.

https://www.rfc-editor.org/rfc/rfc7519
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM = "ES256"
KEY_ID = "meshloom-test"
LIFE = timedelta(minutes=5)
BEYOND = timedelta(hours=1)  # how far a flawed time is off: more than any clock
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SEC 2)

Flaw = Literal["expired", "early", "forged"]


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. ``flaw`` is what is wrong with it: its time is over, or has not come, or
    somebody else signed it.
    """

    issuer: str
    subject: str = "somebody"
    audiences: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    life: timedelta = LIFE
    flaw: Flaw | None = None

    def payload(self, now: datetime) -> dict[str, Any]:
        """Its claims; those that it is given win."""
        shift = {"expired": -BEYOND - self.life, "early": BEYOND}.get(self.flaw or "", timedelta())
        begins = now + shift
        aud = self.audiences[0] if len(self.audiences) == 1 else list(self.audiences)
        return {
            "iss": self.issuer,
            "sub": self.subject,
            **({"aud": aud} if aud else {}),
            "iat": int(begins.timestamp()),
            "nbf": int(begins.timestamp()),
            "exp": int((begins + self.life).timestamp()),
            **self.claims,
        }


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name under which its public half is known."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    key_id: str = KEY_ID

    def public_keys(self) -> dict[str, Any]:
        """The JSON Web Key Set that its tokens are checked with (RFC 7517)."""
        made = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**made, "kid": self.key_id, "use": "sig", "alg": ALGORITHM}]}

    def private(self) -> str:
        """It itself as a JSON Web Key: a secret."""
        made = ECAlgorithm.to_jwk(self.key, as_dict=True)
        return json.dumps({**made, "kid": self.key_id, "use": "sig", "alg": ALGORITHM})


@cache
def known_key(issuer: str) -> SigningKey:
    """The key of the test issuer of this name."""
    digest = hashlib.sha512(f"meshloom test issuer\0{issuer}".encode()).digest()
    number = int.from_bytes(digest) % (_ORDER - 1) + 1
    return SigningKey(ec.derive_private_key(number, ec.SECP256R1()))


def new_key(key_id: str) -> SigningKey:
    """One that nobody else has."""
    return SigningKey(ec.generate_private_key(ec.SECP256R1()), key_id)


def read_key(text: str) -> SigningKey:
    """A key as :meth:`SigningKey.private` writes it. Raises ValueError: it is none."""
    try:
        read = json.loads(text)
        key = ECAlgorithm(ECAlgorithm.SHA256).from_jwk(read)
    except (ValueError, TypeError, AttributeError, RecursionError, jwt.InvalidKeyError) as error:
        raise ValueError("is no private key of P-256 as a JSON Web Key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("is no private key of P-256 as a JSON Web Key")
    return SigningKey(key, str(read.get("kid", KEY_ID)))


def sign(token: Token, now: datetime, key: SigningKey | None = None) -> str:
    """The token as it is sent; by default signed with its issuer's test key."""
    known = key or known_key(token.issuer)
    signs = new_key(known.key_id) if token.flaw == "forged" else known
    headers = {"kid": known.key_id}
    return jwt.encode(token.payload(now), signs.key, ALGORITHM, headers=headers)
