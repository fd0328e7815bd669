"""What is pushed to Envoy, asked of a real one: a tap never keeps out what a viewer wants."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Exchange
from tap.language.match import read_match
from tap.live.hub import Hub
from tap.live.push import lets_through, rule_of, union
from tap.live.viewer import Wish
from tap.sources.access_log import access_logs
from tap.traces.request import ANY, AllOf, AnyOf, HeaderIn, HeaderIs, Rule, TapRequest
from tests.tap.exchanges import EXCHANGE
from tests.tap.halves import entry
from tests.tap.watched import ask, attached, shown

ERRORS = HeaderIn(":status", 500, 1000, response=True)


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("", ANY),
        ("status >= 500", ERRORS),
        ("status < 500", HeaderIn(":status", 0, 500, response=True)),
        ("~c 404", HeaderIn(":status", 404, 405, response=True)),
        ("status != 200", ANY),
        ("status < 0", ANY),
        ("method == POST & status >= 500", AllOf((HeaderIs(":method", "POST"), ERRORS))),
        ("method == POST & ~b hello", HeaderIs(":method", "POST")),
        ("path == /a | status >= 500", AnyOf((HeaderIs(":path", "/a"), ERRORS))),
        ("path == /a | ~b hello", ANY),
        ("!(status >= 500)", ANY),
        ("service == reviews", ANY),
        ("header x-plan == team", ANY),
        ("host == caf\u00e9", ANY),
    ],
)
def test_what_envoy_can_decide_alike_is_pushed(expression: str, rule: Rule) -> None:
    assert rule_of(read_match(expression).implied) == rule


def test_what_several_want_lets_all_of_it_through() -> None:
    errors, posts = (read_match(each).implied for each in ("status >= 500", "method == POST"))
    assert union([errors, posts, errors]) == AnyOf((ERRORS, HeaderIs(":method", "POST")))
    assert union([errors, None]) == ANY
    assert union([]) == ANY
    many = [read_match(f"path == /{number}").implied for number in range(101)]
    assert union(many) == ANY


def envoy_lets_through(rule: Rule, exchange: Exchange) -> bool:
    """What the rule says, as Envoy reads it."""
    if isinstance(rule, AllOf):
        return all(envoy_lets_through(each, exchange) for each in rule.of)
    if isinstance(rule, AnyOf):
        return any(envoy_lets_through(each, exchange) for each in rule.of)
    request, response = exchange.request, exchange.response
    if isinstance(rule, HeaderIn):
        return response is not None and rule.start <= response.status < rule.end
    named = {":method": request.method, ":path": request.path, ":authority": request.authority}
    return not isinstance(rule, HeaderIs) or named[rule.name] == rule.value


ATOMS = ("status >= 404", "status == 200", "~c 503", "method == a", "path == reviews", "host == v2",
         "~b a", "service == a", "!status < 404", "status != 503", "~q")  # fmt: skip


@given(EXCHANGE, st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4), st.sampled_from("&|"))
def test_whatever_matches_is_let_through(exchange: Exchange, atoms: list[str], sign: str) -> None:
    match = read_match(f" {sign} ".join(atoms))
    if match(exchange) and (exchange.response is None or exchange.response.status < 1000):
        assert envoy_lets_through(rule_of(match.implied), exchange)


@pytest.mark.parametrize(
    ("expression", "seen"),
    [
        ("status >= 500", ["/err"]),
        ("method == POST", ["/reviews/post"]),
        ("method == POST | path == /reviews/a", ["/reviews/a", "/reviews/post"]),
        ("method == GET & status < 500", ["/reviews/a"]),
    ],
)
async def test_envoy_taps_exactly_these(envoy: Any, expression: str, seen: list[str]) -> None:
    rule = rule_of(read_match(expression).implied)
    hub = Hub([envoy.target], envoy.topology, request=TapRequest(match=rule))
    async with hub.running():
        with hub.watch(wish=Wish(implied=read_match(expression).implied)) as viewer:
            await attached(viewer)
            await ask(envoy.outbound, "/reviews/a")
            await ask(envoy.outbound, "/err")
            await ask(envoy.outbound, "/reviews/post", "POST")
            found = [(await shown(viewer)).request.path for _ in seen]
            assert found == seen
            assert viewer.coverage().seen == len(seen)  # the others did not even come here


async def test_a_second_viewer_widens_the_tap_and_the_first_one_loses_nothing(envoy: Any) -> None:
    hub = Hub([envoy.target], envoy.topology, logged=True)
    total, errors = 300, 0
    async with hub.running(), access_logs(envoy.captures, hub.open_log):
        match = read_match("status >= 500")
        with hub.watch(match, Wish(implied=match.implied)) as first:
            await attached(first)
            async with aiohttp.ClientSession() as session:
                for number in range(total):
                    path = "/err" if number % 3 == 0 else "/reviews"
                    errors += path == "/err"
                    async with session.get(f"http://127.0.0.1:{envoy.outbound}{path}") as answer:
                        await answer.read()
                    if number == 100:
                        second = hub.watch()
                        viewer = second.__enter__()
                    if number == 200:
                        second.__exit__(None, None, None)
            got = [await shown(first) for _ in range(errors)]
        assert first.coverage().lost == 0
        assert viewer.coverage().seen > 0
    assert all(one.response and one.response.status == 503 for one in got)
    summaries = [one for one in got if one.sources == ("access log",)]
    assert len(summaries) <= 5  # those of the moment in which the tap changed


async def test_a_tap_that_is_too_wide_for_a_while_is_narrowed(
    envoy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap.live.hub.AUDIT_EVERY", 0.05)
    hub = Hub([envoy.target], envoy.topology)
    match = read_match("status >= 500")
    async with hub.running():
        with hub.watch(match, Wish(implied=match.implied)) as first:
            with hub.watch() as other:
                await attached(other)
                await ask(envoy.outbound, "/reviews")
                await shown(other)
            seen = first.coverage().seen
            await asyncio.sleep(1)
            await ask(envoy.outbound, "/reviews")
            await ask(envoy.outbound, "/err")
            assert (await shown(first)).request.path == "/err"
            assert first.coverage().seen == seen + 1


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (ANY, True),
        (HeaderIs(":path", "/a"), True),
        (HeaderIs(":method", "POST"), False),
        (HeaderIs(":authority", "reviews"), True),  # a route may have rewritten it
        (HeaderIs("x-plan", "team"), True),  # a log does not tell
        (HeaderIn(":status", 200, 300, response=True), True),
        (HeaderIn(":status", 500, 600, response=True), False),
        (AllOf((HeaderIs(":path", "/a"), HeaderIs(":method", "POST"))), False),
        (AnyOf((HeaderIs(":path", "/a"), HeaderIs(":method", "POST"))), True),
        (AnyOf((HeaderIs(":path", "/b"), HeaderIs(":method", "POST"))), False),
    ],
)
def test_a_log_tells_what_the_tap_can_not_have_let_through(rule: Rule, expected: bool) -> None:
    assert lets_through(rule, entry("/a", 1.0)) is expected
