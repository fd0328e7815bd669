"""Replicas of a version in a running mesh: who is there, and that a change loses no request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from mini_mesh.events import Exited
from mini_mesh.plan import topology
from tap.topology import Endpoint
from tests.mini_mesh.live import ask, server, started, traffic

MESH = """
mesh:
  {more}
  services:
    web: {{calls: [shop]}}
    shop: {{versions: {{v1: {{replicas: {count}{run}}}}}}}
patterns:
  - {{pattern: load_balancing, on: shop, policy: round_robin}}
"""


def mesh(count: int, run: str = "", more: str = "dataplane: sidecar") -> str:
    return MESH.format(count=count, run=run, more=more)


async def test_three_replicas_share_what_comes_and_tell_who_they_are(tmp_path: Path) -> None:
    async with started(tmp_path, mesh(3)) as live:
        answers = [(await live.ask("shop"))[1] for _ in range(9)]
        assert sorted(each["replica"] for each in answers) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
        versions = live.mesh.state()["services"]["shop"]["versions"]
        assert {label: each["id"] for label, each in versions.items()} == {
            "v1": "shop-v1", "v1#2": "shop-v1-2", "v1#3": "shop-v1-3"
        }  # fmt: skip
        assert live.mesh.state()["envoys"].keys() == {
            "ingress", "web", "shop-v1", "shop-v1-2", "shop-v1-3"
        }  # fmt: skip
        known = topology(live.mesh.plan)
        for each in versions.values():
            assert known.listeners[each["inbound"]].node == each["id"]
            assert known.endpoints[each["workload"]] == Endpoint("shop", "v1")


async def test_scaling_loses_no_request_and_moves_nobody_who_stays(tmp_path: Path) -> None:
    async with started(tmp_path, mesh(2)) as live, traffic(live, "shop") as flow:
        before = live.mesh.state()
        await live.change(mesh(3))
        await flow.more(but=20)
        three = live.mesh.state()
        assert set(await replicas(live)) == {"1", "2", "3"}
        await live.change(mesh(2))
        await flow.more(but=20)
        after = live.mesh.state()
        assert set(await replicas(live)) == {"1", "2"}
        assert after["services"] == before["services"]  # ports too
        assert three["services"]["shop"]["versions"].items() > (
            before["services"]["shop"]["versions"].items()
        )
        assert all(three["envoys"][node] == before["envoys"][node] for node in before["envoys"])
        assert not live.all(Exited)
    assert flow.failed == []


async def test_commands_scale_too_and_know_their_number(tmp_path: Path) -> None:
    run = f", run: '{server(tmp_path)} hello'"
    async with started(tmp_path, mesh(1, run)) as live, traffic(live, "shop") as flow:
        await live.change(mesh(2, run))
        versions = live.mesh.state()["services"]["shop"]["versions"]
        async with aiohttp.ClientSession() as session:
            said = [await ask(session, f"http://{at['inbound']}/") for at in versions.values()]
        assert [answer["env"]["MESHLOOM_REPLICA"] for _, answer in said] == ["1", "2"]
        await live.change(mesh(1, run))
        await flow.more(but=20)
    assert flow.failed == []


async def test_one_envoy_for_all_stands_before_every_replica(tmp_path: Path) -> None:
    async with started(tmp_path, mesh(2, more="dataplane: node")) as live:
        assert set(await replicas(live)) == {"1", "2"}
        await live.change(mesh(3, more="dataplane: node"))
        assert set(await replicas(live)) == {"1", "2", "3"}
        assert live.mesh.state()["envoys"].keys() == {"node"}


async def replicas(live: Any) -> list[str]:
    """Who answered 12 requests."""
    async with aiohttp.ClientSession() as session:
        found = []
        for _ in range(12):
            async with session.get(live.url("shop")) as response:
                found.append(response.headers["x-meshloom-replica"])
        return found
