"""Rate limits: what may be written, what they become, and what a real Envoy makes of local ones."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from mesh_patterns.beside import RATE_LIMIT
from mesh_patterns.kinds.rate_limit import bucket
from mesh_patterns.limits import Bucket, GlobalRateLimit, Key
from mesh_patterns.rate_limits.rate import parse_rate
from mesh_patterns.rate_limits.rules import Rules
from tests.mesh_patterns.conftest import Read, Refusal
from tests.mesh_patterns.running import Running, running

MESH = """\
name: limits
mesh: {dataplane: node, services: {page: {calls: [web]}, web: , api: , per: , dry: }}
patterns:
"""


@pytest.mark.parametrize(
    ("rate", "burst", "made"),
    [
        ("10/min", None, Bucket(10, 10, timedelta(minutes=1))),
        ("10/min", 10, Bucket(10, 10, timedelta(minutes=1))),
        ("10/min", 20, Bucket(20, 1, timedelta(seconds=6))),
        ("10/s", 2, Bucket(2, 1, timedelta(milliseconds=100))),
        ("1000/s", 500, Bucket(500, 50, timedelta(milliseconds=50))),
    ],
)
def test_a_bucket_gives_as_much_as_the_rate_says(
    rate: str, burst: int | None, made: Bucket
) -> None:
    found = bucket(parse_rate(rate), burst)
    assert found == made


def test_a_bucket_is_never_filled_more_often_than_envoy_takes() -> None:
    for count in (1, 7, 19, 20, 21, 999, 4_294_967_295):
        made = bucket(parse_rate(f"{count}/s"), 2**31)
        assert made.interval >= timedelta(milliseconds=50)
        assert made.fill / made.interval.total_seconds() == pytest.approx(count, rel=1e-4)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("on: web", "expected a limit, such as 10/min"),
        ("on: web, limit: 10", "expected a rate such as 10/min"),
        ("on: web, limit: 10/20ms", "the time of a rate is 50ms at least"),
        ("on: web, limit: 0/min", "a rate is 1 to"),
        ("on: web, limit: 1/min, burst: 0", "burst"),
        ("on: web, limit: 1000/s, burst: 49", "a burst of 49 has no room for what 1000/s brings"),
        ("on: web, limit: 1/min, domain: x", "'domain' is for 'scope: global'"),
        ("on: web, scope: global, limit: 1/min", "'limit' is for 'scope: local'"),
        ("on: web, scope: global", "expected one of limits and descriptors"),
        ("on: web, scope: global, limits: {default: 1/10s}", "in seconds, minutes, hours or days"),
        ("on: web, scope: global, limits: {team: 1/s}", "expected 'default' or 'header=value'"),
        ("on: web, limit: 1/min, key: user", "expected header:NAME, query:NAME, path, method"),
        ("on: web, limit: 1/min, key: 'path:x'", "expected header:NAME"),
        ("on: web, limit: 1/min, key: path, overrides: [{when: {path: /}, limit: 1/s}]", "one of"),
        (
            "on: web, limit: 1/min, overrides: [{when: {query: {a: b}}, limit: 1/s}]",
            "expected head",
        ),
        ("on: web, limit: 1/min, overrides: [{when: {}, limit: 1/s}]", "expected headers, path"),
        ("on: web, limit: 1/min, status: 418", "Envoy refuses nobody with 418"),
        ("on: web, scope: global, descriptors: [{key: a}]", "expected a key"),
        ("on: web, scope: global, key: path, descriptors: [{key: a}, {key: a}]", "is here and at"),
    ],
)
def test_what_no_limit_can_be_is_refused_at_its_line(refusal: Refusal, said: str, why: str) -> None:
    told = refusal(f"{MESH}- {{pattern: rate_limit, {said}}}")
    assert told.startswith("4:"), told
    assert why in told


def test_a_global_limit_asks_the_service_that_it_configures(read: Read) -> None:
    draft = read(
        f"{MESH}- {{pattern: rate_limit, on: page -> web, scope: global, on_failure: deny, "
        "key: [header:X-User, path], limits: {default: 10/min, x-plan=team: 100/min}}"
    )
    (made,) = draft.filters
    assert (made.kind, made.asks) == ("rate_limit", (RATE_LIMIT,))
    assert isinstance(made.config, GlobalRateLimit)
    assert made.config.keys == (Key("header", "x-user"), Key("path"))
    assert made.config.deny
    rules = Rules(part.value for part in draft.beside[RATE_LIMIT])
    for name, count in (("default", 10), ("x-plan=team", 100)):
        entries = [("limit", name), ("x-user", "ann"), ("path", "/")]
        found = rules.limit(made.config.domain, entries)
        assert found is not None
        assert (found.requests, found.unit) == (count, "minute")


def test_a_limit_without_key_is_one_for_all(read: Read) -> None:
    draft = read(
        f"{MESH}- {{pattern: rate_limit, on: web, scope: global, limits: {{default: 1/s}}}}"
    )
    rules = Rules(part.value for part in draft.beside[RATE_LIMIT])
    assert rules.limit("limits.0", [("generic_key", "all")])


def test_a_domain_that_two_patterns_name_has_one_set_of_rules(read: Read, refusal: Refusal) -> None:
    one = "{pattern: rate_limit, on: web, scope: global, domain: d, limits: {default: 1/s}}"
    other = one.replace("on: web", "on: api")
    draft = read(f"{MESH}- {one}\n- {other}")
    assert len(draft.beside[RATE_LIMIT]) == 1
    told = refusal(f"{MESH}- {one}\n- {other.replace('1/s', '2/s')}")
    assert told.startswith("5:3: domain 'd' has other limits at 4:3")


def test_somebody_s_own_rules_are_taken_as_they_are(read: Read) -> None:
    draft = read(
        f"{MESH}- {{pattern: rate_limit, on: web, scope: global, key: [method, path], descriptors: "
        "[{key: method, value: POST, descriptors: "
        "[{key: path, rate_limit: {unit: hour, requests_per_unit: 3}}]}]}"
    )
    rules = Rules(part.value for part in draft.beside[RATE_LIMIT])
    assert rules.limit("limits.0", [("method", "POST"), ("path", "/x")])
    assert rules.limit("limits.0", [("method", "GET"), ("path", "/x")]) is None


LOCAL = """\
- pattern: rate_limit
  on: web
  limit: 10/h
  headers: true
  overrides:
    - {when: {headers: {x-plan: team}}, limit: 20/h}
    - {when: {path: /free, method: GET}, limit: 3/h}
    - {when: {path: {exact: /one}}, limit: 1/h}
- {pattern: rate_limit, on: per, limit: 5/h, key: [header:x-user, query:q], status: 503}
- {pattern: rate_limit, on: dry, limit: 1/h, shadow: true}
- {pattern: rate_limit, on: page -> web, limit: 2/h}
- {pattern: rate_limit, on: api, limit: 3/h, per: connection}
"""


async def statuses(mesh: Running, count: int, to: str, **more: object) -> Counter[int]:
    given = dict(more)
    return Counter([(await mesh.get(to, **given)).status for _ in range(count)])  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_a_real_envoy_lets_through_what_is_promised(tmp_path: Path) -> None:
    async with running(MESH + LOCAL, tmp_path) as mesh:
        assert await statuses(mesh, 50, "web") == {200: 10, 429: 40}
        assert mesh.upstream.reached["web"] == 10
        refused = await mesh.get("web")
        assert refused.body == "local_rate_limited"
        assert refused.headers["x-ratelimit-limit"].startswith("10")
        assert refused.headers["x-ratelimit-remaining"] == "0"
        team = {"x-plan": "team"}
        assert await statuses(mesh, 25, "web", headers=team) == {200: 20, 429: 5}
        assert await statuses(mesh, 5, "web", path="/free?x=1") == {200: 3, 429: 2}
        assert await statuses(mesh, 1, "web", path="/freely") == {429: 1}
        assert await statuses(mesh, 2, "web", path="/one?x") == {200: 1, 429: 1}
        for user in ("ann", "bob"):
            found = await statuses(mesh, 7, "per", path="/?q=1", headers={"x-user": user})
            assert found == {200: 5, 503: 2}
        assert await statuses(mesh, 6, "per", headers={"x-user": "ann"}) == {200: 5, 503: 1}
        assert await statuses(mesh, 3, "dry") == {200: 3}
        assert await mesh.stat("meshloom.http_local_rate_limit.rate_limited") > 2
        assert await statuses(mesh, 3, "web", caller="page", headers=team) == {429: 3}
        assert await statuses(mesh, 4, "api") == {200: 3, 429: 1}  # one connection, kept
