"""Replays through meshes of real Envoys: from tests, and by the command."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from mesh_traffic import Exchange
from meshloom.testing import LiveMesh, mesh, tap
from meshloom.up import DEMO
from tests.meshloom.command import Done, inside, write
from tests.mini_mesh.live import needs_envoy

REQUEST_ID = "99999999-2222-4333-8444-555555555555"
GRPC = """
mesh:
  services:
    front: {calls: [greeter]}
    greeter: {protocol: grpc}
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def live() -> AsyncIterator[LiveMesh]:
    needs_envoy()
    async with mesh(DEMO) as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
async def test_the_same_request_gets_the_same_answer_at_each_hop(live: LiveMesh) -> None:
    async with tap(live) as captured:
        await live.get("/productpage", headers={"x-tester": "me", "accept-encoding": "gzip"})
        hops = [hop for root in captured.hops() for hop in root.walk()]
        for hop in hops:
            for seen in hop.views():
                replay = await live.replay(captured_whole(captured.exchanges, seen))
                assert replay.differences == (), (seen.node, seen.direction)
        assert len(hops) == 4
    assert {each.version for each in captured.exchanges if each.service == "reviews"} == {"v1"}


@pytest.mark.asyncio(loop_scope="module")
async def test_with_one_thing_changed_another_version_answers(live: LiveMesh) -> None:
    async with tap(live, "service == reviews & direction == outbound") as captured:
        await live.get("/reviews/1", service="reviews", headers={"x-tester": "me"})
        first = captured.one()
        assert first.version == "v1"
        replay = await live.replay(first, remove=["x-tester"])
        again = captured.one(f"request_id == {replay.request_id}")
        assert again.version in ("v2", "v3")
        assert "header x-meshloom-version" in [each.place for each in replay.differences]
        at_v3 = await live.replay(first, to="reviews/v3", ignore=["$.version"])
        assert at_v3.response.headers.get("x-meshloom-version") == "v3"
        assert "body $.version" not in [each.place for each in at_v3.differences]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_post_with_its_body_or_another(live: LiveMesh) -> None:
    async with tap(live, "service == details & direction == outbound") as captured:
        await live.post("/x", b'{"a": 1}', service="details", headers={"content-type": "text/a"})
        first = captured.one()
        assert (await live.replay(first)).differences == ()
        replay = await live.replay(first, body=b"other", headers={"x-plan": "team"})
        places = [each.place for each in replay.differences]
        assert "body $.body.length" in places
        assert 'body $.headers["x-plan"]' in places
        await live.get("/x", service="details", headers={"authorization": "Bearer abcdefghi"})
        with pytest.raises(ValueError, match="masked in the capture: authorization"):
            await live.replay(captured.one("~m GET"))


async def test_grpc_calls_with_messages_and_status(tmp_path: Path) -> None:
    needs_envoy()
    async with mesh(write(tmp_path, GRPC)) as running, tap(running) as captured:
        await running.get("/hello", service="front", headers={"x-plan": "free"})
        (called,) = captured.all("service == greeter & direction == outbound")
        replay = await running.replay(called, ignore=["$.messages[0]"])
        assert replay.differences == ()
        assert replay.response.trailers.get("grpc-status") == "0"
        changed = await running.replay(called, headers={"x-plan": "team"})
        assert ('"free"', '"team"') in [(each.before, each.after) for each in changed.differences]


def captured_whole(exchanges: list[Exchange], seen: Exchange) -> Exchange:
    """The capture itself, as a hop may show it with what tracers said."""
    return next(each for each in exchanges if each.id == seen.id)


def asked(demo: dict[str, Any], path: str, request_id: str) -> None:
    request = urllib.request.Request(demo["ingress"] + path, headers={"x-request-id": request_id})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def replay(demo: dict[str, Any], *arguments: str | Path) -> Done:
    """As soon as the capture is stored."""
    end = time.monotonic() + 10
    command = ("debug", "replay", "--mesh", str(demo["pid"]), *arguments)
    while (done := inside(*command)).code == 2 and time.monotonic() < end:
        time.sleep(0.1)
    return done


def test_a_whole_request_by_its_id_with_the_versions_that_answered(demo: dict[str, Any]) -> None:
    asked(demo, "/productpage", REQUEST_ID)
    done = replay(demo, REQUEST_ID, "--cut", "--set", "x-tester=1", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["to"], found["version"]) == ("the ingress", "productpage v1")
    (one,) = found["replays"]
    assert one["version"] == "productpage v1"
    assert one["versions"]["reviews"] == ["v1"] != found["versions"]["reviews"]
    told = inside("tap", "tree", "--mesh", str(demo["pid"]), one["id"])
    assert "productpage v1 → reviews v1" in told.out
    lines = replay(demo, REQUEST_ID, "--cut", "--set", "x-tester=1").out
    assert "by productpage v1\n" in lines
    assert "→ v1\n" in lines  # reviews v2 → v1


def test_an_expect_block_that_is_proven(demo: dict[str, Any], tmp_path: Path) -> None:
    id_ = REQUEST_ID.replace("9", "8")
    asked(demo, "/productpage?a=${b}", id_)
    file = tmp_path / "expect.yaml"
    done = replay(demo, id_, "--cut", "--times", "2", "--as-test", file)
    assert (done.code, done.err) == (0, f"test written to {file}\n")
    mesh_file = write(tmp_path, DEMO.read_text().partition("expect:")[0])
    proven = inside("prove", mesh_file, file)
    assert (proven.code, proven.err) == (0, "")
    assert "response header x-meshloom-service" in proven.out
    assert "claims hold" in proven.out
