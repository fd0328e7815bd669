"""Our claims rewriter, in both engines: what it makes of tokens, and of what is none."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import wasm_filters
from mesh_traffic import Headers, Request
from tests.wasm_filters.both_engines import InEnvoy, Sent, assert_the_same, through, through_envoy
from wasm_filters.config import PluginConfig
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module

WASM = Path(wasm_filters.__file__).parent / "filters" / "jwt_claims" / "jwt_claims.wasm"
NAMESPACED = ["https://example.com/plan", "name"]
POLICY = {
    "claims": [
        {"claim": "sub", "header": "X-User", "required": True},
        {"claim": "realm_access.roles", "header": "x-roles"},
        {"claim": NAMESPACED, "header": "x-plan"},
        {"claim": "exp", "header": "x-exp"},
        {"claim": "email_verified", "header": "x-verified"},
    ],
    "remove_authorization": True,
    "clear_route_cache": True,
}
CLAIMS = {
    "sub": "ann",
    "realm_access": {"roles": ["admin", "dev", 7, True]},
    "https://example.com/plan": {"name": "team"},
    "exp": 1.5e9,
    "email_verified": False,
}
# RFC 7519, 3.1: an example that nobody here has encoded
RFC_TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)


def base64url(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims: object) -> str:
    payload = claims if isinstance(claims, str | bytes) else json.dumps(claims)
    return f"{base64url('{}')}.{base64url(payload)}.c2ln"


def bearer(claims: object, scheme: str = "Bearer") -> tuple[str, str]:
    return ("authorization", f"{scheme} {token(claims)}")


@pytest.fixture(scope="module")
def module() -> Module:
    return Module.load(WASM)


@pytest.fixture(scope="module")
def filter_(module: Module) -> Filter:
    return load(module, POLICY)


def load(module: Module, policy: object) -> Filter:
    text = policy if isinstance(policy, str) else json.dumps(policy)
    return Filter(module, PluginConfig(configuration=text.encode("utf-8", "surrogateescape")))


def upstream_sees(outcome: Outcome) -> Mapping[str, str]:
    assert outcome.request is not None
    return dict(outcome.request.headers)


def refusal(outcome: Outcome) -> str:
    assert outcome.request is None
    assert outcome.response is not None
    assert outcome.status == 401
    assert outcome.response.headers.get("content-type") == "application/json"
    reason = json.loads(outcome.response.body.data)["error"]
    assert isinstance(reason, str)
    return reason


REQUESTS = {
    "all claims": Sent([bearer(CLAIMS), ("x-other", "1")]),
    "forged headers": Sent([("x-user", "root"), ("X-Roles", "all"), bearer({"sub": "ann"})]),
    "forged and no token": Sent([("x-user", "root")]),
    "another scheme": Sent([("authorization", "Basic YTpi")]),
    "no claims": Sent([bearer({})], "/?a=b", "POST", b"hello"),
    "malformed": Sent([("authorization", "Bearer a.b.c")]),
    "utf-8": Sent([bearer({"sub": "Zoë ☃"})]),
    "header injection": Sent([bearer({"sub": "a\r\nx-plan: team"})]),
}


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> InEnvoy:
    return through_envoy(tmp_path_factory.mktemp("envoy"), WASM, json.dumps(POLICY), REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_both_engines_agree(envoy: InEnvoy, filter_: Filter, name: str) -> None:
    assert_the_same(through(filter_, REQUESTS[name]), envoy.exchanged[name])


def test_both_engines_log_the_same(envoy: InEnvoy, filter_: Filter) -> None:
    logs = [log.message for sent in REQUESTS.values() for log in through(filter_, sent).logs]
    assert logs == envoy.logs
    assert logs == [
        "jwt_claims: 401, no bearer token",
        "jwt_claims: 401, no bearer token",
        "jwt_claims: 401, the bearer token has no usable claim sub",
        "jwt_claims: 401, the bearer token is malformed",
        "jwt_claims: 401, the bearer token has no usable claim sub",
    ]


def test_claims_become_headers_and_the_token_stays_here(filter_: Filter) -> None:
    seen = upstream_sees(through(filter_, Sent([bearer(CLAIMS, "bEARER  ")])))
    assert seen.items() >= {
        ("x-user", "ann"),
        ("x-roles", "admin,dev,7,true"),
        ("x-plan", "team"),
        ("x-exp", "1500000000.0"),
        ("x-verified", "false"),
    }
    assert "authorization" not in seen


def test_a_client_cannot_forge_a_header(filter_: Filter) -> None:
    forged = [("x-user", "root"), ("x-plan", "team"), ("x-plan", "gold"), ("X-Roles", "all")]
    seen = through(filter_, Sent([*forged, bearer({"sub": "ann"})])).request
    assert seen is not None
    assert seen.headers.get_all("x-user") == ["ann"]
    assert {"x-plan", "x-roles"} & set(dict(seen.headers)) == set()


def test_the_example_of_the_rfc_is_read(module: Module) -> None:
    claims = [
        {"claim": "iss", "header": "x-issuer"},
        {"claim": "exp", "header": "x-exp"},
        {"claim": ["http://example.com/is_root"], "header": "x-root"},
    ]
    filter_ = load(module, {"claims": claims})
    sent = ("authorization", f"Bearer {RFC_TOKEN}")
    seen = upstream_sees(through(filter_, Sent([sent])))
    assert seen.items() >= {("x-issuer", "joe"), ("x-exp", "1300819380"), ("x-root", "true"), sent}


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1},
        None,
        [["a"]],
        [None],
        ["user,admin"],
        "a\nb",
        "\x7f",
        "\0",
    ],
    ids=repr,
)
def test_what_no_header_can_hold_is_no_claim(filter_: Filter, value: Any) -> None:
    outcome = through(filter_, Sent([bearer({"sub": value})]))
    assert refusal(outcome) == "the bearer token has no usable claim sub"
    optional = through(filter_, Sent([bearer({"sub": "ann", "exp": value})]))
    assert "x-exp" not in upstream_sees(optional)


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("", ""),
        ([], ""),
        (["one"], "one"),
        ('"', '"'),
        ("é☃😀", "é☃😀"),
        (0, "0"),
        (-1.25e-7, "-1.25e-07"),
        (12345678901234567890, "12345678901234567890"),
    ],
)
def test_a_claim_is_copied_as_the_token_has_it(filter_: Filter, value: Any, header: str) -> None:
    for claims in (json.dumps({"sub": value}), json.dumps({"sub": value}, ensure_ascii=False)):
        assert upstream_sees(through(filter_, Sent([bearer(claims)])))["x-user"] == header


@pytest.mark.parametrize(
    "malformed",
    [
        "a",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        "..",
        f".{base64url(json.dumps(CLAIMS))}",
        f"a.{base64url(json.dumps(CLAIMS))}=.c",
        f"a.{base64url(json.dumps(CLAIMS))}A.c",
        "a.e+/9.c",
        f"a.{base64url('{')}.c",
        f"a.{base64url('[]')}.c",
        f"a.{base64url(chr(34) + 'sub' + chr(34))}.c",
        token('{"sub": "ann"} {"sub": "bob"}'),
        token('{"sub": "ann", "sub": "root"}'),
        token('{"sub": "ann", "x": 01}'),
        token('{"sub": "ann", "x": NaN}'),
        token('{"sub": "ann", "x": ' + "[" * 20 + "]" * 20 + "}"),
        token('{"sub": "ann"'),
    ],
)
def test_a_malformed_token_has_no_claims(filter_: Filter, malformed: str) -> None:
    outcome = through(filter_, Sent([("authorization", f"Bearer {malformed}")]))
    assert refusal(outcome) == "the bearer token is malformed"
    assert outcome.response is not None
    assert outcome.response.headers.get("www-authenticate") == 'Bearer error="invalid_token"'
    assert outcome.details == "jwt_claims"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer  ", "Bearer\ta.b.c"])
def test_a_request_without_a_token_is_told_to_bring_one(
    filter_: Filter, authorization: str
) -> None:
    outcome = through(filter_, Sent([("authorization", authorization)]))
    assert refusal(outcome) == "no bearer token"
    assert outcome.response is not None
    assert outcome.response.headers.get("www-authenticate") == "Bearer"


def test_nothing_is_required_where_nothing_says_so(module: Module) -> None:
    filter_ = load(module, {"claims": [{"claim": "sub", "header": "x-user"}]})
    for sent in ([], [("authorization", "Bearer a.b.c")], [bearer({})]):
        outcome = through(filter_, Sent([*sent, ("x-user", "root")]))
        assert "x-user" not in upstream_sees(outcome)


def test_a_claims_name_does_no_harm_in_the_answer(module: Module) -> None:
    rule = {"claim": ['a"b\\c\n'], "header": "x-a", "required": True}
    filter_ = load(module, {"claims": [rule]})
    outcome = through(filter_, Sent([bearer({})]))
    assert refusal(outcome) == 'the bearer token has no usable claim a"b\\c '


def test_without_configuration_it_changes_nothing(module: Module) -> None:
    sent = Request(headers=Headers.of({"authorization": "Bearer x", "x-user": "ann"}))
    outcome = load(module, "").handle(sent)
    assert outcome.request is not None
    assert outcome.request.headers.fields == sent.headers.fields


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
@example("Bearer ..")
@example("bearer " + "." * 60_000)
@example(f"Bearer a.{base64url('[' * 40_000)}.c")
@example(f"Bearer a.{base64url(b'{' + bytes(range(256)) + b'}')}.c")
def test_any_authorization_is_answered_or_passed_on(filter_: Filter, authorization: str) -> None:
    outcome = through(filter_, Sent([("authorization", authorization)]))
    assert outcome.failure is None
    assert refusal(outcome)


@settings(max_examples=40)
@given(st.dictionaries(st.text() | st.just("sub"), any_json), st.integers(0, 200))
@example({"sub": "\ud800"}, 0)
@example({"sub": "\ud83d\ude00"}, 12)
def test_any_claims_are_answered_or_passed_on(
    filter_: Filter, claims: dict[str, Any], cut: int
) -> None:
    payload = json.dumps(claims)
    for text in (payload, payload[:cut]):
        outcome = through(filter_, Sent([bearer(text)]))
        assert outcome.failure is None
        if outcome.request is None:
            assert refusal(outcome)
        else:
            assert isinstance(claims["sub"], str | int | float | bool | list)


def test_a_token_with_many_claims_takes_no_long_time(filter_: Filter) -> None:
    """As many as fit in the 60 KiB that Envoy takes for headers; the deadline is the host's."""
    claims = {f"{number:x}": 1 for number in range(4_000)}
    assert upstream_sees(through(filter_, Sent([bearer({**claims, "sub": "ann"})])))["x-user"]


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ('{"claims": [}', "at 12: found '}', expected a value"),
        ("[]", "the configuration: expected an object"),
        ({"claim": []}, "unknown key 'claim': expected one of claims, remove_authorization,"),
        ({"claims": {}}, "claims: expected a list"),
        ({"claims": ["sub"]}, "claims[0]: expected an object"),
        ({"claims": [{"claim": "sub"}]}, "claims[0].header: expected a string"),
        ({"claims": [{"header": "x"}]}, "claims[0].claim: expected a string, or a list of strings"),
        ({"claims": [{"claim": [], "header": "x"}]}, "claims[0].claim: expected a string, or"),
        ({"claims": [{"claim": [1], "header": "x"}]}, "claims[0].claim: expected strings"),
        ({"claims": [{"claim": "a..b", "header": "x"}]}, "claims[0].claim: expected no empty name"),
        ({"claims": [{"claim": "a", "header": ":path"}]}, "claims[0].header: expected a header's"),
        ({"claims": [{"claim": "a", "header": ""}]}, "claims[0].header: expected a header's name"),
        ({"claims": [{"claim": "a", "header": "Host"}]}, "claims[0].header: expected a header of"),
        (
            {"claims": [{"claim": "a", "header": "x"}, {"claim": "b", "header": "X"}]},
            "claims[1].header: expected each header once",
        ),
        (
            {"claims": [{"claim": "a", "header": "x", "required": 1}]},
            "claims[0].required: expected true or false",
        ),
        ({"remove_authorization": "yes"}, "remove_authorization: expected true or false"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(
    module: Module, policy: object, why: str
) -> None:
    with pytest.raises(PluginError) as caught:
        load(module, policy)
    assert "refused the configuration; its last log: jwt_claims: " in str(caught.value)
    assert why in str(caught.value)
