"""A claim's token: what it says is in the file, and it is signed when a request is sent.

So no file holds a secret, and no token is ever too old, unless the claim wants it to be.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from mesh_patterns import files
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.spec import SomeText, Spec, Text
from mesh_yaml.values import Duration

if TYPE_CHECKING:
    from mesh_patterns.tokens import SigningKey

MAX_KEY = 16 * 1024  # bytes


class TokenSpec(Spec):
    """A token that each request brings."""

    issuer: SomeText = Field(description="the claim 'iss': of a jwt pattern's issuer with 'test'")
    subject: Text = Field("somebody", description="the claim 'sub'")
    audience: Text | list[SomeText] = Field([], description="the claim 'aud'")
    claims: dict[str, Any] = Field({}, description="more of them, by name")
    lasts: Duration = Field("5m", validate_default=True)
    flaw: Literal["expired", "early", "forged"] | None = Field(
        None, description="what is wrong with it: its time, or who signed it"
    )
    header: str = Field("authorization", description="in which it is sent, after 'Bearer '")
    key: str | None = Field(
        None, description="a file of the private key, from this file's folder; else the test key"
    )

    def said(self) -> str:
        """In words, short."""
        flaw = f"{self.flaw} " if self.flaw else ""
        return f"{flaw}token of {self.subject} from {self.issuer}"


def field(spec: TokenSpec, place: Place, now: datetime) -> tuple[str, str]:
    """The header field that has a token made of ``spec``, which stands at ``place``.

    Raises:
        DocumentError: there is no such key.
    """
    from mesh_patterns.tokens import Token, sign  # with a library that few meshes need

    audience = spec.audience if isinstance(spec.audience, list) else [spec.audience]
    token = Token(spec.issuer, spec.subject, tuple(audience), spec.claims, spec.lasts, spec.flaw)
    prefix = "Bearer " if spec.header.lower() == "authorization" else ""
    key = key_in(spec.key, place) if spec.key is not None else None
    return spec.header.lower(), prefix + sign(token, now, key)


def key_in(name: str, place: Place) -> SigningKey:
    """The private key in a file. Raises ``DocumentError``: there is none."""
    from mesh_patterns.tokens import read_key

    file = files.beside(place, name)
    try:
        return read_key(files.read_text(file, place, MAX_KEY))
    except ValueError as error:
        raise DocumentError.at(place, f"{file} {error}") from error
