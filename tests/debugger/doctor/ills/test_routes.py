"""Routes that never match or are never reached: what is claimed, a real Envoy agrees with."""

from __future__ import annotations

import random
from typing import Any

import pytest

from debugger.configs.pushed import of_resource
from debugger.doctor.ills.routes import Match, never, never_matching, shadowed, takes_all_of
from debugger.doctor.picture import Node, Picture
from tests.debugger.sick import answer, listener, made, sick, to
from tests.debugger.sick import routes as table
from xds_server.resource import ResourceType


def header(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def exact(name: str, value: str, **more: Any) -> dict[str, Any]:
    return header(name, string_match={"exact": value}, **more)


def takes(first: Any, second: Any) -> bool:
    return takes_all_of(Match.of(first), Match.of(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"prefix": "/"}, {"path": "/a"}),
        ({"prefix": "/a"}, {"prefix": "/ab"}),
        ({"prefix": "/a"}, {"safe_regex": {"regex": "/a/[0-9]+"}}),
        ({"path_separated_prefix": "/a"}, {"prefix": "/a/"}),
        ({"prefix": "/A", "case_sensitive": False}, {"path": "/ab"}),
        ({"prefix": "/", "headers": [header("a")]}, {"prefix": "/", "headers": [exact("A", "1")]}),
        (
            {"prefix": "/", "headers": [header("a", string_match={"contains": "b"})]},
            {"prefix": "/", "headers": [header("a", string_match={"prefix": "abc"})]},
        ),
        ({"prefix": "/"}, {"prefix": "/x", "runtime_fraction": {"default_value": {}}}),
        ({"prefix": "/", "grpc": {}}, {"path": "/a", "grpc": {}}),
    ],
)
def test_the_first_takes_all_that_the_second_could(first: Any, second: Any) -> None:
    assert takes(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"prefix": "/a"}, {"prefix": "/"}),
        ({"path": "/a"}, {"prefix": "/a"}),
        ({"path_separated_prefix": "/a"}, {"prefix": "/a"}),
        ({"prefix": "/ab"}, {"safe_regex": {"regex": "/ab?"}}),
        ({"prefix": "/a"}, {"safe_regex": {"regex": "/a|/b"}}),
        ({"prefix": "/a"}, {"prefix": "/ab", "case_sensitive": False}),
        ({"prefix": "/", "runtime_fraction": {"default_value": {}}}, {"prefix": "/a"}),
        ({"prefix": "/", "grpc": {}}, {"prefix": "/"}),
        ({"prefix": "/"}, {"connect_matcher": {}}),
        ({"prefix": "/", "headers": [exact("a", "1")]}, {"prefix": "/", "headers": [header("a")]}),
        (
            {"prefix": "/", "headers": [exact("a", "1", invert_match=True)]},
            {"prefix": "/", "headers": [exact("a", "2")]},
        ),
        ({"prefix": "/", "tls_context": {"presented": True}}, {"prefix": "/"}),
    ],
)
def test_nothing_is_claimed_that_does_not_follow(first: Any, second: Any) -> None:
    assert not takes(first, second)


@pytest.mark.parametrize(
    "match",
    [
        {"prefix": "/", "headers": [exact(":method", "GET"), exact(":method", "POST")]},
        {"prefix": "/", "headers": [exact("a", "1"), header("a", present_match=False)]},
        {"prefix": "/", "headers": [header("a"), header("a", invert_match=True)]},
        {
            "prefix": "/",
            "query_parameters": [exact("q", "1"), header("q", string_match={"prefix": "2"})],
        },
        {"prefix": "api"},
        {"path": "/a?b=1"},
    ],
)
def test_conditions_that_clash(match: Any) -> None:
    assert never(Match.of(match))


@pytest.mark.parametrize(
    "match",
    [
        {"prefix": "/", "headers": [exact("a", "1"), exact("a", "2")]},  # a header may come twice
        {"prefix": "/", "headers": [exact("a", "1"), exact("a", "1", invert_match=True)]},
        {"prefix": "/", "headers": [exact("a", ""), exact("b", "")]},
        {"safe_regex": {"regex": "api"}},
        {"prefix": ""},
    ],
)
def test_conditions_that_may_hold_together(match: Any) -> None:
    assert not never(Match.of(match))


def test_a_shadowed_route_is_told_with_both_lines() -> None:
    pushed = of_resource(table(to("a", prefix="/a"), to("b", path="/a/b"), to("c", prefix="b")))
    picture = Picture((Node("e", pushed=(pushed,)),))
    (found,) = shadowed(picture)
    assert found.place == "mesh.yaml:6:3"
    assert found.evidence == ("route 1 (prefix /a) at mesh.yaml:5:3", "route 2 (path /a/b)")
    (never_matches,) = never_matching(picture)
    assert never_matches.place == "mesh.yaml:7:3"


PATHS = ["/", "/a", "/a/", "/ab", "/a/b", "/b", "/A", "/a?q=1", "/a?q=2&q=1", "/b?r"]
HEADERS: list[dict[str, Any]] = [{}, {"h": "1"}, {"h": "12"}, {"h": "2", "k": ""}, {"k": "1"}]


def some_match(dice: random.Random) -> dict[str, Any]:
    path: dict[str, Any] = dice.choice(
        [
            {"prefix": dice.choice(["/", "/a", "/a/", "/b", "/a?q", "a"])},
            {"path": dice.choice(["/a", "/a/b", "/A"])},
            {"path_separated_prefix": dice.choice(["/a", "/b"])},
            {"safe_regex": {"regex": dice.choice(["/a.*", "/ab?", "/[ab]", "/a|/b", ".*"])}},
        ]
    )
    case = dice.choice([{}, {}, {"case_sensitive": False}])
    if "safe_regex" in path:
        case = {}
    more = {}
    if count := dice.choice([0, 0, 1, 2]):
        more["headers"] = [some_header(dice) for _ in range(count)]
    if count := dice.choice([0, 0, 0, 1, 2]):
        more["query_parameters"] = [some_value(dice, "q") for _ in range(count)]
    return {**path, **case, **more}


def some_header(dice: random.Random) -> dict[str, Any]:
    name = dice.choice(["h", "k", ":method"])
    inverted = {"invert_match": True} if dice.random() < 0.3 else {}
    missing = {"treat_missing_header_as_empty": True} if dice.random() < 0.1 else {}
    return {**some_value(dice, name), **inverted, **missing}


def some_value(dice: random.Random, name: str) -> dict[str, Any]:
    kind = dice.choice(["exact", "prefix", "suffix", "contains", "present"])
    if kind == "present":
        return {"name": name, "present_match": dice.random() < 0.7}
    return {"name": name, "string_match": {kind: dice.choice(["1", "2", "12", "GET"])}}


async def test_envoy_never_takes_a_route_that_is_said_to_be_out_of_reach() -> None:
    dice = random.Random(6)
    hosts = []
    claims: dict[str, set[str]] = {}
    for number in range(300):
        matches = [some_match(dice) for _ in range(4)]
        parsed = [Match.of(each) for each in matches]
        claims[f"h{number}"] = {
            str(at)
            for at, match in enumerate(parsed)
            if never(match) or any(takes_all_of(each, match) for each in parsed[:at])
        }
        entries = [answer(str(at), **match) for at, match in enumerate(matches)]
        hosts.append({"name": f"h{number}", "domains": [f"h{number}"], "routes": entries})
    assert sum(map(len, claims.values())) > 100
    config = made(ResourceType.ROUTE, {"name": "routes", "virtual_hosts": hosts})
    async with sick(listener(), config) as mesh:
        await mesh.envoy.until_listening()
        for host, claimed in claims.items():
            for _ in range(8 if claimed else 0):
                path, headers = dice.choice(PATHS), dice.choice(HEADERS)
                _, body = await mesh.envoy.get(path, headers={"host": host, **headers})
                assert body not in claimed, (host, path, headers)
