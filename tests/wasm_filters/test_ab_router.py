"""Our A/B router, in both engines: who gets which variant, and how it stays so."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import wasm_filters
from mesh_traffic import Headers
from tests.wasm_filters.both_engines import InEnvoy, Sent, assert_the_same, through, through_envoy
from wasm_filters.config import PluginConfig
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.loop import FakeClock
from wasm_filters.module import Module
from wasm_filters.worker import Worker

WASM = Path(wasm_filters.__file__).parent / "filters" / "ab_router" / "ab_router.wasm"
EXPERIMENT = {
    "variants": {"a": 60, "b": 40, "off": 0},
    "user": [{"cookie": "uid"}, {"header": "X-User"}],
    "salt": "checkout",
    "override": "x-force",
    "cookie": {"name": "ab", "max_age": 86400},
}


@pytest.fixture(scope="module")
def module() -> Module:
    return Module.load(WASM)


@pytest.fixture(scope="module")
def filter_(module: Module) -> Filter:
    return load(module, EXPERIMENT)


def load(module: Module, experiment: object, worker: Worker | None = None) -> Filter:
    text = experiment if isinstance(experiment, str) else json.dumps(experiment)
    return Filter(module, PluginConfig(configuration=text.encode()), worker)


def drawn(user: str, salt: str, variants: dict[str, int]) -> str:
    """The variant that a hash of salt and user names: FNV-1a, then murmur3's finalizer."""
    mixed, mask = 2166136261, 0xFFFF_FFFF
    for byte in f"{salt}\0{user}".encode():
        mixed = (mixed ^ byte) * 16777619 & mask
    mixed = (mixed ^ mixed >> 16) * 0x85EBCA6B & mask
    mixed = (mixed ^ mixed >> 13) * 0xC2B2AE35 & mask
    point = (mixed ^ mixed >> 16) % sum(variants.values())
    for name, weight in variants.items():
        if point < weight:
            return name
        point -= weight
    raise AssertionError(point)


def upstream_headers(outcome: Outcome) -> Headers:
    assert outcome.request is not None
    return outcome.request.headers


def client_headers(outcome: Outcome) -> Headers:
    assert outcome.response is not None
    return outcome.response.headers


def variant(filter_: Filter, *fields: tuple[str, str]) -> str:
    """What both sides are told, and they are told the same."""
    outcome = through(filter_, Sent(list(fields)))
    (said,) = upstream_headers(outcome).get_all("x-variant")
    assert client_headers(outcome).get_all("x-variant") == [said]
    return said


REQUESTS = {
    "by cookie": Sent([("cookie", "theme=dark; uid=17; x=y")]),
    "by header": Sent([("x-user", "ann")]),
    "by both": Sent([("X-User", "ann"), ("cookie", "uid=17")]),
    "by request id": Sent([("x-request-id", "4d9f")]),
    "kept": Sent([("cookie", "ab=b; uid=17")]),
    "kept in two cookie fields": Sent([("cookie", "uid=17"), ("cookie", "ab=b")]),
    "forced": Sent([("x-force", "off"), ("x-user", "ann")]),
    "forced to nothing": Sent([("x-force", "c"), ("x-user", "ann")]),
    "forged": Sent([("x-variant", "off"), ("x-variant", "b"), ("x-user", "ann")]),
    "with a body": Sent([("x-user", "bob")], "/cart", "POST", b"hello"),
}


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> InEnvoy:
    return through_envoy(tmp_path_factory.mktemp("envoy"), WASM, json.dumps(EXPERIMENT), REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_both_engines_agree(envoy: InEnvoy, filter_: Filter, name: str) -> None:
    assert_the_same(through(filter_, REQUESTS[name]), envoy.exchanged[name])


def test_a_user_always_gets_the_same_variant_and_users_share_as_the_weights_say(
    filter_: Filter,
) -> None:
    weights = {"a": 60, "b": 40}
    found = {f"user-{n}": variant(filter_, ("x-user", f"user-{n}")) for n in range(1000)}
    assert found == {user: drawn(f"\0{user}\0", "checkout", weights) for user in found}
    assert 347 <= Counter(found.values())["b"] <= 453  # 99.9 % of draws of 1,000 at 40 %


def test_another_salt_draws_anew(module: Module) -> None:
    salted = [load(module, {**EXPERIMENT, "salt": salt}) for salt in ("one", "two")]
    users = [("x-user", str(number)) for number in range(100)]
    moved = sum(variant(salted[0], user) != variant(salted[1], user) for user in users)
    assert 20 < moved < 80


def test_all_that_identifies_a_user_counts(filter_: Filter) -> None:
    weights = {"a": 60, "b": 40}
    for number in range(50):
        both = [("cookie", f"uid={number}"), ("x-user", "ann")]
        assert variant(filter_, *both) == drawn(f"{number}\0ann\0", "checkout", weights)


def test_a_variant_that_the_clients_cookie_names_is_kept(filter_: Filter) -> None:
    for number in range(20):
        outcome = through(filter_, Sent([("cookie", f"uid={number}; ab=b")]))
        assert upstream_headers(outcome).get("x-variant") == "b"
        assert client_headers(outcome).get("set-cookie") is None


@pytest.mark.parametrize("cookie", ["ab=off", "ab=c", "ab=", "ab", "xab=b", "AB=b", 'ab="b"'])
def test_a_cookie_that_names_no_live_variant_is_replaced(filter_: Filter, cookie: str) -> None:
    outcome = through(filter_, Sent([("cookie", cookie), ("x-user", "ann")]))
    said = drawn("\0ann\0", "checkout", {"a": 60, "b": 40})
    assert upstream_headers(outcome).get("x-variant") == said
    assert client_headers(outcome).get_all("set-cookie") == [
        f"ab={said}; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax"
    ]


def test_an_override_wins_and_is_for_one_request(filter_: Filter) -> None:
    outcome = through(filter_, Sent([("x-force", "off"), ("cookie", "ab=b; uid=1")]))
    assert upstream_headers(outcome).get("x-variant") == "off"
    assert upstream_headers(outcome).get("x-force") is None
    assert client_headers(outcome).get("set-cookie") is None
    assert variant(filter_, ("x-force", "nonsense"), ("cookie", "ab=b")) == "b"


def test_a_strangers_requests_are_drawn_one_by_one(module: Module) -> None:
    weights = {"a": 1, "b": 1}
    experiment = {"variants": weights}
    filter_ = load(module, experiment)
    found = {str(n): variant(filter_, ("x-request-id", str(n))) for n in range(100)}
    assert found == {request: drawn(request, "", weights) for request in found}
    clock = FakeClock()
    worker = Worker(clock=clock)
    timed = load(module, experiment, worker)
    seen = set()
    for _ in range(50):
        worker.advance(0.001)
        seen.add(variant(timed))
    assert seen == {"a", "b"}


def test_without_a_cookie_in_the_configuration_none_is_set(module: Module) -> None:
    outcome = through(load(module, {"variants": {"a": 1}}), Sent([("cookie", "ab=b")]))
    assert client_headers(outcome).get("set-cookie") is None
    session = load(module, {"variants": {"a": 1}, "cookie": {"name": "AB"}, "header": "X-Arm"})
    outcome = through(session, Sent([]))
    assert client_headers(outcome).get("set-cookie") == "AB=a; Path=/; HttpOnly; SameSite=Lax"
    assert upstream_headers(outcome).get("x-arm") == "a"


@given(
    st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.text(alphabet='ab=;, "uid\x00é'),
)
@example("", ";" * 20_000)
def test_any_cookie_and_any_user_get_a_variant(filter_: Filter, user: str, cookie: str) -> None:
    outcome = through(filter_, Sent([("x-user", user), ("cookie", cookie), ("x-force", cookie)]))
    assert outcome.failure is None
    assert upstream_headers(outcome).get("x-variant") in ("a", "b")


@pytest.mark.parametrize(
    ("experiment", "why"),
    [
        ("", "variants: expected an object of weights"),
        ("{", "at 1: found the end, expected a string"),
        ({"variants": []}, "variants: expected an object of weights"),
        ({"variants": {}}, "variants: expected a weight above 0"),
        ({"variants": {"a": 0}}, "variants: expected a weight above 0"),
        ({"variants": {"a": -1}}, "variants.a: expected a whole number from 0 to 1000000"),
        ({"variants": {"a": 1.5}}, "variants.a: expected a whole number from 0 to 1000000"),
        ({"variants": {"a": 1e7}}, "variants.a: expected a whole number from 0 to 1000000"),
        ({"variants": {"a": "1"}}, "variants.a: expected a whole number from 0 to 1000000"),
        ({"variants": {"a b": 1}}, "variants.a b: expected a name of letters, digits, - _ ."),
        ({"variants": {"": 1}}, "variants.: expected a name of letters, digits, - _ ."),
        ({"variants": {str(n): 1 for n in range(101)}}, "variants: expected at most 100"),
        ({"variants": {"a": 1}, "weights": {}}, "unknown key 'weights': expected one of variants,"),
        ({"variants": {"a": 1}, "user": {}}, "user: expected a list"),
        ({"variants": {"a": 1}, "user": [{}]}, "user[0]: expected a cookie or a header"),
        (
            {"variants": {"a": 1}, "user": [{"cookie": "a", "header": "b"}]},
            "user[0]: expected a cookie or a header",
        ),
        ({"variants": {"a": 1}, "user": [{"header": "é"}]}, "user[0].header: expected a name"),
        ({"variants": {"a": 1}, "salt": 1}, "salt: expected a string"),
        ({"variants": {"a": 1}, "header": ":path"}, "header: expected a name"),
        ({"variants": {"a": 1}, "header": ""}, "header: expected a name"),
        (
            {"variants": {"a": 1}, "override": "X-Variant"},
            "override: expected another header than 'header'",
        ),
        ({"variants": {"a": 1}, "cookie": {}}, "cookie.name: expected a string"),
        ({"variants": {"a": 1}, "cookie": {"name": "a;b"}}, "cookie.name: expected a name of"),
        (
            {"variants": {"a": 1}, "cookie": {"name": "a", "max_age": "1h"}},
            "cookie.max_age: expected a whole number from 0 to 1000000000",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(
    module: Module, experiment: object, why: str
) -> None:
    with pytest.raises(PluginError) as caught:
        load(module, experiment)
    assert "refused the configuration; its last log: ab_router: " in str(caught.value)
    assert why in str(caught.value)
