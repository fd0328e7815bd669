from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesh_patterns.draft import Target
from mesh_patterns.kinds.jwt import RemoteKeys, TokenIssuer, TokenRule
from mesh_patterns.tokens import known_key
from mesh_yaml.matching import StringMatch
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {calls: [api]}, api: , auth: }}\npatterns:\n"
KEYS = '{"keys": [{"kty": "EC"}]}'


def test_keys_stand_in_the_pattern_in_a_file_or_at_a_service(read: Read, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(KEYS)
    draft = read(f"""\
{MESH}
- pattern: jwt
  on: api
  issuers:
  - {{issuer: a, test: true}}
  - {{issuer: b, jwks: {KEYS}}}
  - {{issuer: c, jwks: '{KEYS}'}}
  - {{issuer: d, jwks_file: keys.json}}
  - {{issuer: e, jwks_from: {{service: auth}}}}
""")
    (placed,) = draft.filters
    a, b, c, d, e = (each.keys for each in placed.config.issuers)
    assert json.loads(a) == known_key("a").public_keys()
    assert [json.loads(each) for each in (b, c, d)] == [json.loads(KEYS)] * 3
    assert isinstance(e, RemoteKeys)
    assert (e.service, e.path) == (Target("auth"), "/.well-known/jwks.json")
    assert placed.calls == (Target("auth"),)
    assert (tmp_path / "keys.json").resolve() in draft.files


def test_what_no_rule_is_about_needs_a_token(read: Read) -> None:
    rules = "[{paths: /open, token: none}, {paths: /x, methods: PUT, issuers: a}]"
    jwt = f"{{pattern: jwt, on: api, issuers: {{issuer: a, test: true}}, rules: {rules}}}"
    assert read(f"{MESH}- {jwt}").filters[0].config.rules == (
        TokenRule("none", (StringMatch("separated_prefix", "/open"),)),
        TokenRule(
            "required",
            (StringMatch("separated_prefix", "/x"),),
            (StringMatch("exact", "PUT"),),
            ("a",),
        ),
        TokenRule("required"),
    )


def test_an_issuer_may_say_where_its_tokens_are(read: Read) -> None:
    more = "from_headers: [x-token], from_params: t, from_cookies: c, claim_headers: {x-user: sub}"
    jwt = f"{{pattern: jwt, on: web -> api, issuers: {{issuer: a, jwks: {KEYS}, {more}}}}}"
    (placed,) = read(f"{MESH}- {jwt}").filters
    assert placed.edge == ("web", "api")
    assert placed.config.issuers == (
        TokenIssuer(
            "a",
            KEYS,
            headers=(("x-token", ""),),
            params=("t",),
            cookies=("c",),
            claim_headers=(("x-user", "sub"),),
        ),
    )


@pytest.mark.parametrize(
    ("issuers", "told"),
    [
        ("[]", "issuers"),
        ("{issuer: a}", "expected one of test, jwks, jwks_file and jwks_from"),
        ("{issuer: a, test: true, jwks_file: x}", "expected one of test"),
        ("{issuer: a, jwks: '['}", "3:54: is no JSON Web Key Set"),
        ("{issuer: a, jwks: {keys: []}}", "is no JSON Web Key Set"),
        ("{issuer: a, jwks: {keys: [{kty: oct, k: x}]}}", "has a secret key in it"),
        ("{issuer: a, jwks_file: none.json}", "3:59: can't read"),
        ("{issuer: a, jwks_from: {service: aut}}", "no service 'aut'; did you mean 'auth'?"),
        ("[{issuer: a, test: true}, {issuer: a, test: true}]", "'a' is there twice"),
        ("{issuer: a, test: true}, rules: {issuers: b}", "no issuer 'b' in this pattern"),
    ],
)
def test_what_no_issuer_can_be_is_refused(refusal: Refusal, issuers: str, told: str) -> None:
    assert told in refusal(f"{MESH}- {{pattern: jwt, on: api, issuers: {issuers}}}")
