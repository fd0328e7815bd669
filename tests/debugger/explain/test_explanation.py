"""Explanations against what real Envoys did: every exchange of generated requests agrees."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from debugger.explain import observed
from debugger.explain.arriving.asked import CONTEXT, LOGGED, of_exchange
from debugger.explain.explanation import Explanation, explain
from debugger.explain.served import Served
from mesh_patterns.catalogue import entry
from mesh_traffic import Exchange, Headers, replace
from meshloom.control_client import Target
from meshloom.testing import LiveMesh, mesh, tap
from meshloom.up import DEMO
from mini_mesh.plan import entrance
from tests.debugger.explain.made import exchange, served
from tests.mini_mesh.live import needs_envoy

# How many requests are made of each mesh; the whole run is MESHLOOM_EXPLAINED=10000
COUNT = int(os.environ.get("MESHLOOM_EXPLAINED", "100"))
AT_A_TIME = 6
MESH = """
mesh:
  services:
    web: {calls: [api]}
    api: {versions: {v1: , v2: }}
patterns:
  - {pattern: canary, on: api, weights: {v1: 90, v2: 10}}
"""


@dataclass(frozen=True)
class Traffic:
    """Whose requests to whom, and what they look like."""

    calls: tuple[tuple[str, str], ...]
    paths: tuple[str, ...]
    headers: tuple[Mapping[str, str], ...] = ({},)
    methods: tuple[str, ...] = ("GET",)
    meets: frozenset[str] = field(default_factory=frozenset)  # details that must be among them


VARIETY = Traffic(
    tuple(("shop", to) for to in ("reviews", "reviews", "stock", "reports", "vault")),
    ("/x", "/healthz", "/old/y", "/slow", "/admin", "/strip/me?a=b", "/pub/x", "/pub/secret?"),
    (
        {},
        {"x-tester": "1"},
        {"x-plan": "team"},
        {"x-fail": "now"},
        {"x-role": "admin"},
        {"x-tester": "", "x-fail": "now"},
        {"host": "reviews"},
        {"host": "nobody"},
    ),
    ("GET", "GET", "POST"),
    frozenset(
        (
            "via_upstream",
            "route_not_found",
            "direct_response",
            "fault_filter_abort",
            "header_policy",
            "rbac_access_denied_matched_policy[none]",
            "rbac_access_denied_matched_policy[deny[0]]",
            "upstream_reset_before_response_started{overflow}",
        )
    ),
)
BOOKS = Traffic(
    (("ingress", "productpage"), ("client", "reviews")),
    ("/productpage", "/admin", "/reviews/1"),
    ({}, {"x-tester": "1"}, {"x-tester": ""}, {"end-user": "mary"}),
)
ACCESS = Traffic(
    (("web", "api"), ("evil", "api"), ("client", "watched")),
    ("/pub/x", "/pub/secret", "/else"),
    ({}, {"x-role": "admin"}, {"x-role": "none"}),
    ("GET", "POST"),
    frozenset(("via_upstream", "rbac_access_denied_matched_policy[none]")),
)
WAITING = Traffic(
    (("shop", "slow"), ("shop", "patient")),
    ("/x",),
    meets=frozenset(("response_timeout", "upstream_per_try_timeout")),
)


async def crossed(live: LiveMesh, traffic: Traffic, count: int) -> list[Exchange]:
    """Generated requests, sent into the mesh: all exchanges of them."""
    chance = random.Random(7)
    plan = live._running.plan
    slots = asyncio.Semaphore(AT_A_TIME)

    async def one(session: aiohttp.ClientSession) -> None:
        url = f"http://{entrance(plan.mesh, plan.placement, *chance.choice(traffic.calls))}"
        headers = {"x-request-id": str(uuid.uuid4()), **chance.choice(traffic.headers)}
        asked = chance.choice(traffic.methods), url + chance.choice(traffic.paths)
        async with (
            slots,
            session.request(*asked, headers=headers, allow_redirects=False) as answer,
        ):
            await answer.read()

    async with tap(live) as captured, aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(session) for _ in range(count)))
        seen = -1
        while seen != len(captured.exchanges) or live.hub.waiting:
            seen = len(captured.exchanges)
            await asyncio.sleep(0.2)
    return captured.exchanges


async def nodes(live: LiveMesh) -> dict[str, Served]:
    control = Target(live.state["control_plane"])
    return {
        node: Served(await asyncio.to_thread(control.ask, "Served", node=node))
        for node in live.state["envoys"]
    }


def explained(of: Mapping[str, Served], seen: Exchange) -> Explanation:
    found = explain(of[seen.node], of_exchange(seen), observed.of_exchange(seen), seen.started)
    assert found.checks, seen
    return found


def differing(of: Mapping[str, Served], seen: Iterable[Exchange]) -> list[tuple[Exchange, object]]:
    every = ((each, explained(of, each)) for each in seen)
    return [(each, found.divergences) for each, found in every if not found.agree]


def as_logged(seen: Exchange) -> Exchange:
    """As it is known where only the access log saw it."""
    kept = LOGGED | CONTEXT
    headers = Headers(tuple(each for each in seen.request.headers if each[0].lower() in kept))
    return replace(seen, request=replace(seen.request, headers=headers), sources=("access log",))


@pytest.mark.parametrize(
    ("file", "traffics"),
    [
        (Path(__file__).with_name("variety.yaml"), {2 * COUNT: VARIETY, 6: WAITING}),
        (DEMO, {COUNT // 3: BOOKS}),
        (entry("request-authorization").file, {COUNT // 2: ACCESS}),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else "",
)
async def test_derived_and_observed_agree(file: Path, traffics: Mapping[int, Traffic]) -> None:
    needs_envoy()
    seen: list[Exchange] = []
    async with mesh(file) as live:
        for count, traffic in traffics.items():
            seen += await crossed(live, traffic, count)
        of = await nodes(live)
    assert len(seen) >= sum(traffics)
    assert differing(of, seen) == []
    assert differing(of, map(as_logged, seen)) == []
    wanted = frozenset().union(*(each.meets for each in traffics.values()))
    assert wanted <= {each.details for each in seen}
    print(f"{file.stem}: {sum(traffics):,} requests, {len(seen):,} exchanges, none differs")
    told = Counter(check.what for each in seen for check in explained(of, each).checks)
    assert told["route"] == len(seen)
    assert told["cluster"] == sum(bool(each.cluster) for each in seen)


def test_what_could_not_have_happened_is_a_divergence_that_prints_both(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web", since=0.0)
    good = exchange(cluster="api/v1", destination=replace(exchange().destination, address=""))
    assert explained({"web": of}, good).agree
    bad = explained({"web": of}, replace(good, cluster="api/v3"))
    (check,) = bad.divergences
    assert (check.what, check.derived, check.observed) == (
        "cluster",
        "api/v1 or api/v2",
        "api/v3",
    )
    assert not explained({"web": of}, replace(good, route="other")).agree
    assert not explained({"web": of}, replace(good, attempts=4)).agree
    assert not explained({"web": of}, replace(good, details="fault_filter_abort")).agree
    assert not explained({"web": of}, replace(good, details="direct_response")).agree


def test_what_was_served_before_is_said_to_be_older(tmp_path: Path) -> None:
    old = served(tmp_path, MESH, "web", since=10.0, settled=10.1, until=200.0)
    (note,) = explained({"web": old}, exchange(cluster="api/v1")).notes
    assert note == "derived from version abc, which was served then; another is now"
    new = served(tmp_path, MESH, "web", since=99.9, settled=99.95)
    (note,) = explained({"web": new}, exchange(cluster="api/v1")).notes
    assert note == "version abc was new then: the node may have gone by the one before"


def test_what_is_not_remembered_is_not_pretended() -> None:
    unknown = Served({"node": "web", "kind": "envoy", "resources": None})
    found = explain(unknown, of_exchange(exchange()), observed.of_exchange(exchange()), 1.0)
    assert found.derived is None
    assert (found.checks, found.agree) == ((), True)
    assert "not remembered any more" in found.notes[0]


def test_a_refusal_is_said(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web", since=0.0, refused="Cluster: no")
    (note,) = explained({"web": of}, exchange(cluster="api/v1")).notes
    assert note.startswith("web has refused some of this")
