from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import Imported, http_filter, of_filters

KEYS = {"local_jwks": {"inline_string": '{"keys": []}'}}


def of(rules: list[Any], **provider: Any) -> Imported:
    one = {"issuer": "https://one", **KEYS, **provider}
    two = {"issuer": "https://two", **KEYS}
    config = {"providers": {"one": one, "two": two}, "rules": rules}
    return of_filters(http_filter("jwt_authn.v3.JwtAuthentication", **config))


def test_a_provider_is_an_issuer() -> None:
    found = of(
        [],
        audiences=["a"],
        forward=True,
        from_headers=[{"name": "x-token", "value_prefix": "Bearer "}],
        claim_to_headers=[{"header_name": "x-sub", "claim_name": "sub"}],
        clock_skew_seconds=10,
    )
    (made,) = found.patterns("jwt")
    assert made["issuers"][0] == {
        "issuer": "https://one",
        "jwks": '{"keys": []}',
        "audiences": ["a"],
        "from_headers": {"x-token": "Bearer "},
        "claim_headers": {"x-sub": "sub"},
        "forward": True,
        "clock_skew": "10s",
    }
    assert made["rules"] == [{"token": "none"}]  # Envoy asks for one where a rule does


def test_keys_of_elsewhere_are_a_services() -> None:
    remote = {"http_uri": {"uri": "https://x/keys?v=1", "cluster": "other", "timeout": "1s"}}
    (made,) = of([], local_jwks=None, remote_jwks=remote).patterns("jwt")
    assert made["issuers"][0]["jwks_from"] == {
        "service": "other",
        "path": "/keys",
        "timeout": "1s",
    }


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            {"match": {"prefix": "/a"}, "requires": {"provider_name": "one"}},
            {"paths": [{"prefix": "/a"}], "issuers": ["https://one"]},
        ),
        ({"match": {"path": "/ok"}}, {"paths": [{"exact": "/ok"}], "token": "none"}),
        (
            {
                "match": {"prefix": "/"},
                "requires": {
                    "requires_any": {
                        "requirements": [
                            {"provider_name": "one"},
                            {"provider_name": "two"},
                            {"allow_missing": {}},
                        ]
                    }
                },
            },
            {"issuers": ["https://one", "https://two"], "token": "optional"},
        ),
    ],
)
def test_a_rule_says_whose_tokens_will_do(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    (made,) = of([theirs]).patterns("jwt")
    assert made["rules"] == [ours, {"token": "none"}]


@pytest.mark.parametrize(
    "requires",
    [
        {"requires_all": {"requirements": []}},
        {"allow_missing_or_failed": {}},
        {"provider_and_audiences": {"provider_name": "one"}},
    ],
)
def test_what_our_kind_can_not_say_is_taken_as_it_is(requires: dict[str, Any]) -> None:
    found = of([{"match": {"prefix": "/"}, "requires": requires}])
    assert (found.patterns("jwt"), len(found.patterns("envoy_filter"))) == ([], 1)
