from __future__ import annotations

from typing import Any

import pytest

from mini_mesh.beside.ext_authz.asked import CLAIMS, MAX_DEPTH, read
from mini_mesh.beside.unary import Refused
from tests.mini_mesh.beside.ext_authz.test_authorizer import question
from xds_server.mirror import mirror_class
from xds_server.protos import auth_service as messages


def with_claims(claims: dict[str, Any]) -> bytes:
    made: Any = mirror_class(messages.CheckRequest).FromString(question("p"))  # type: ignore[attr-defined]
    found = made.attributes.metadata_context.filter_metadata[CLAIMS]
    found.update({"payload": claims})
    said: bytes = made.SerializeToString()
    return said


def test_a_request_is_what_envoy_says_of_it() -> None:
    name, asked = read(question("p", headers={"x-a": "1"}, body="text"))
    assert name == "p"
    assert (asked.method, asked.path, asked.host) == ("GET", "/a?b", "shop")
    assert (asked.headers, asked.body) == ({"x-a": "1"}, b"text")
    assert (asked.principal, asked.address) == ("spiffe://shop/web", "10.1.2.3")
    assert asked.claims == {}
    assert asked.request().headers.get("x-a") == "1"


def test_claims_are_what_a_token_says() -> None:
    claims = {"sub": "ann", "groups": ["a", {"b": None}], "level": 3.0, "good": True}
    assert read(with_claims(claims))[1].claims == claims


def test_claims_in_claims_have_an_end() -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]
    with pytest.raises(Refused, match="deep"):
        read(with_claims({"deep": deep}))
