from __future__ import annotations

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.identity import Identity, imagined, mode, secured, spiffe_id, wanted
from tests.mesh_patterns.conftest import Read

MESH = "name: {}\nmesh: {{services: {{web: {{calls: [api]}}, api: , old: }}}}\npatterns:\n"
STRICT = "- {pattern: mtls, on: api}\n"


def named(read: Read, name: str, patterns: str = STRICT) -> Draft:
    return read(MESH.format(name) + patterns)


def test_a_service_is_as_its_pattern_says_and_plaintext_without_one(read: Read) -> None:
    draft = named(read, "shop", STRICT + "- {pattern: mtls, on: old, mode: off}\n")
    assert {name: mode(draft, name) for name in draft.mesh.services} == {
        "web": "off",
        "api": "strict",
        "old": "off",
    }
    assert [name for name in draft.mesh.services if secured(draft, name)] == ["api"]


@pytest.mark.parametrize(
    ("name", "domain"),
    [("shop", "shop"), ("My Shop", "my-shop"), ("Büro/1", "b-ro-1"), ("a.b_c-d", "a.b_c-d")],
)
def test_the_trust_domain_is_the_meshs_name_in_the_letters_that_it_may_have(
    read: Read, name: str, domain: str
) -> None:
    assert spiffe_id(named(read, name), "api") == f"spiffe://{domain}/api"


def test_a_pattern_may_name_the_trust_domain(read: Read) -> None:
    draft = named(read, "shop", "- {pattern: mtls, on: api, trust_domain: mesh.local}\n")
    assert spiffe_id(draft, "web") == "spiffe://mesh.local/web"


def test_where_one_service_wants_certificates_everybody_has_one(read: Read) -> None:
    assert set(wanted(named(read, "shop"))) == {"web", "api", "old", "client", "ingress"}
    assert wanted(named(read, "shop", "- {pattern: mtls, on: api, mode: off}\n")) == {}


def test_imagined_identities_are_all_that_are_wanted_and_prove_nothing(read: Read) -> None:
    draft = named(read, "shop")
    found = imagined(draft)
    assert {name: each.uri for name, each in found.items()} == wanted(draft)
    assert {each.key for each in found.values()} == {b"(issued when the mesh runs)\n"}


def test_an_identity_shown_does_not_tell_its_key() -> None:
    assert "secret" not in repr(Identity("spiffe://a/b", b"chain", b"secret", b"bundle"))
