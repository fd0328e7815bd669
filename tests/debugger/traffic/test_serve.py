"""A real mesh of three in a row: after 100 requests each edge has 100, in every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from debugger.traffic import ask
from debugger.traffic.flow import flows
from debugger.traffic.graph import Graph
from debugger.traffic.serve import ROOT, labels, metrics, serving
from tests.mini_mesh.live import started

CHAIN = """
    mesh:
      services:
        a: {calls: [b], ingress: true}
        b: {calls: [c]}
        c: {}
"""


def counted(told: Mapping[str, Any]) -> dict[str, int]:
    return {each["name"]: each["value"] for each in told["metrics"]}


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with session.get(url) as answer:
        return answer.status, await answer.json()


async def test_a_chain_of_three(tmp_path: Path) -> None:
    async with started(tmp_path, CHAIN) as live, aiohttp.ClientSession() as session:
        state = live.mesh.state()
        async with serving(lambda: state) as port:
            base = f"http://127.0.0.1:{port}{ROOT}"
            await asyncio.sleep(0.2)  # the window begins
            for _ in range(10):
                await asyncio.gather(*(get(session, state["ingress"]) for _ in range(10)))
            graph = Graph.of(flows(state, await ask.told(ask.admins_of(state))))
            inside = [it for it in graph.arrows if it.source != "ingress"]
            assert [(it.source, it.target, it.total, it.failed) for it in inside] == [
                ("a", "b", 100, 0),
                ("b", "c", 100, 0),
            ]
            assert all(it.p99 > 0 for it in inside)
            at = f"{base}/namespaces/default"
            status, told = await get(session, f"{at}/pods/b/edges")
            assert status == 200
            assert {
                it["edge"]["direction"]: counted(it)["success_count"] for it in told["items"]
            } == {
                "to": 100,
                "from": 100,
            }
            _, pods = await get(session, f"{at}/pods?labelSelector=app=c")
            assert [it["resource"]["name"] for it in pods["items"]] == ["c"]
            _, whole = await get(session, f"{base}/namespaces/default")
            assert counted(whole)["success_count"] == 400  # ingress, a, b and c
            _, spaces = await get(session, f"{base}/namespaces?resource=pods")
            assert spaces["resource"] == {"kind": "Namespace"}
            assert (await get(session, base))[1]["kind"] == "APIResourceList"
            assert (await get(session, f"{at}/pods/nobody"))[0] == 404
        since_start = await metrics(state)
        assert counted(since_start.of("services", "a"))["success_count"] == 100
        assert since_start.window > 0


async def test_an_envoy_that_is_gone_is_a_503() -> None:
    state = {"services": {}, "envoys": {"a": {"admin": "http://127.0.0.1:1"}}}
    async with serving(lambda: state) as port, aiohttp.ClientSession() as session:
        status, told = await get(session, f"http://127.0.0.1:{port}{ROOT}/namespaces/default/pods")
        assert (status, told["kind"]) == (503, "Status")


def test_selectors_are_pairs() -> None:
    assert labels("app=web, version==v1") == {"app": "web", "version": "v1"}
    assert labels("") == {}
