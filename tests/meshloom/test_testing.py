"""Meshes and taps as a test uses them, with real Envoys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from meshloom.testing import LiveMesh, mesh, tap
from tap.language.match import MatchError

DEMO = Path(__file__).parents[2] / "mesh_patterns" / "catalog" / "demo" / "bookinfo.yaml"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def live() -> AsyncIterator[LiveMesh]:
    async with mesh(DEMO) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_crossed_which_hop_can_be_asserted_at_once(live: LiveMesh) -> None:
    async with tap(live, "service == reviews & direction == outbound") as captured:
        response = await live.get("/productpage", headers={"end-user": "jason"})
        assert response.status == 200
        exchange = captured.one()
        assert exchange.version in ("v1", "v2", "v3")
        assert exchange.request.headers.get("end-user") == "jason"
        assert exchange.cluster.startswith("reviews")
        assert captured.coverage.lost == 0


async def test_a_request_is_one_tree_of_hops(live: LiveMesh) -> None:
    async with tap(live) as captured:
        await live.get("/productpage")
        (root,) = captured.hops()
        assert root.exchange.direction == "ingress"
        assert [hop.exchange.service for hop in root.then] == ["details", "reviews"]
        assert all(len(hop.arrived) == 1 for hop in root.walk())


async def test_an_assertion_that_fails_shows_what_was_captured(live: LiveMesh) -> None:
    async with tap(live, "service == details") as captured:
        await live.get("/details/1", service="details")
        with pytest.raises(AssertionError) as failed:
            captured.one("status == 404")
        with pytest.raises(
            AssertionError, match="expected no exchange that matches 'status < 400'"
        ):
            captured.none("status < 400")
        captured.none("status >= 400")
    assert "expected one exchange, got 0 that matches 'status == 404'; captured:" in str(
        failed.value
    )
    assert "GET /details/1" in str(failed.value)
    assert "watching 7 Envoys" in str(failed.value)


async def test_bodies_are_captured_and_waited_for(live: LiveMesh) -> None:
    async with tap(live, "~m POST & service == details") as captured:
        await live.post("/details/1", b"hello", service="details")
        first, *_ = await captured.wait(1)
        assert first.request.body.data == b"hello"
        with pytest.raises(AssertionError, match=r"expected 9 exchanges within 0.1 s, got \d"):
            await captured.wait(9, within=0.1)


async def test_an_unknown_service_and_a_wrong_filter_are_named(live: LiveMesh) -> None:
    with pytest.raises(KeyError, match="unknown service 'nobody', the mesh has productpage"):
        await live.get("/", service="nobody")
    with pytest.raises(MatchError, match="unknown field 'servce'; did you mean 'service'"):
        async with tap(live, "servce == reviews"):
            pass


async def test_two_meshes_run_side_by_side_in_one_process(live: LiveMesh) -> None:
    async with mesh(DEMO) as other:
        assert other.ingress != live.ingress
        assert (await other.get("/productpage")).status == 200
    assert (await live.get("/productpage")).status == 200
