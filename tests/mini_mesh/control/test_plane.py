"""What Envoys made of their snapshots: one real Envoy and one that never comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import grpc
import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement, needs
from mini_mesh.bootstrap import EnvoyNode, arguments, bootstrap
from mini_mesh.control.plane import ControlPlane
from mini_mesh.events import (
    Applied,
    Event,
    InEffect,
    NotRolledBack,
    Refused,
    RolledBack,
    TurnedAway,
)
from mini_mesh.ports import Ports
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.ready import wait_for_live
from mini_mesh.processes.supervisor import Supervisor
from tests.mini_mesh.live import needs_envoy
from tests.xds_server.serving.test_server import request
from xds_server.node import NodeInfo
from xds_server.protos import core
from xds_server.releases import NoRelease
from xds_server.serving.server import ADS
from xds_server.snapshot import Snapshot

E = TypeVar("E")

MESH = "mesh: {services: {web: {ingress: true}}}\npatterns:\n"
ANSWER = "  - {pattern: route, on: web, rules: [{match: {path: {%s}}, respond: {status: 201}}]}\n"
GOOD, OTHER = MESH + ANSWER % "prefix: /a", MESH + ANSWER % "prefix: /b"
BAD = MESH + ANSWER % "regex: '/(?!x).*'"


class Plane:
    """A control plane, the ports of a mesh, and what was reported."""

    def __init__(self, ports: Ports, folder: Path, automatic: bool) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()
        self.control = ControlPlane(self._heard, automatic)
        self.file = folder / "mesh.yaml"
        self.node = EnvoyNode("ingress", "mesh", ports.take(), ports.take())
        self._ports, self._taken = ports, dict[str, int]()

    def _heard(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, kind: type[E]) -> E:
        """The first of its kind."""
        async with asyncio.timeout(10):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self._news.clear()
                await self._news.wait()

    def compiled(self, text: str, *nodes: str) -> Mapping[str, Snapshot]:
        self.file.write_text(text)
        draft = load([self.file])
        for need in needs(draft.mesh):
            self._taken.setdefault(need.key, self._ports.take())
        made = compile_mesh(draft, Placement(self._taken))
        return {node: made[node] for node in nodes or ("ingress",)}

    async def serve(self, text: str) -> int:
        """How many were told, when they have made up their mind; only news are kept."""
        self.events.clear()
        told = self.control.serve(self.compiled(text))
        await asyncio.wait_for(self.control.in_effect(), 10)
        return told


@asynccontextmanager
async def plane(folder: Path, automatic: bool = False, first: str = GOOD) -> AsyncIterator[Plane]:
    with Ports() as ports:
        it = Plane(ports, folder, automatic)
        await it.control.start(it.node.xds_port)
        async with Supervisor() as supervisor:
            command = arguments(needs_envoy().path, bootstrap(it.node))
            process = await supervisor.start(ProcessSpec("envoy", command))
            await it.serve(first)
            await wait_for_live(process, it.node.admin_port)
            yield it
        await it.control.stop()


async def test_a_change_is_in_effect_when_envoy_has_accepted_all_of_it(tmp_path: Path) -> None:
    async with plane(tmp_path) as it:
        first, last = it.events
        assert isinstance(first, Applied)
        assert isinstance(last, InEffect)
        assert (first.node, last.nodes) == ("ingress", 1)
        assert 0 < first.milliseconds <= last.milliseconds < 10_000
        assert await it.serve(OTHER) == 1
        assert [type(event) for event in it.events] == [Applied, InEffect]


async def test_what_is_the_same_is_told_to_nobody_and_in_effect_at_once(tmp_path: Path) -> None:
    async with plane(tmp_path) as it:
        assert await it.serve("# a comment\n" + GOOD) == 0
        assert [type(event) for event in it.events] == [InEffect]


async def test_a_refusal_is_known_until_the_next_change_be_it_back_to_what_was(
    tmp_path: Path,
) -> None:
    async with plane(tmp_path) as it:
        assert await it.serve(BAD) == 1
        refused, settled = it.events
        assert isinstance(refused, Refused)
        assert refused.place == f"{it.file}:3:39"
        assert refused.text.startswith(f"{it.file}:3:39: NACK from ingress: RouteConfiguration ")
        assert isinstance(settled, InEffect)
        assert it.control.refused == {"ingress": refused}
        assert await it.serve(GOOD) == 1
        assert [type(event) for event in it.events] == [Applied, InEffect]
        assert it.control.refused == {}


async def test_one_that_does_not_answer_is_waited_for_until_it_is_gone(tmp_path: Path) -> None:
    async with plane(tmp_path) as it:
        both = it.compiled(OTHER, "ingress", "web")
        assert it.control.serve(both) == 2
        waiting = asyncio.ensure_future(it.control.in_effect())
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        assert Applied in map(type, it.events)
        assert it.control.serve({"ingress": both["ingress"]}) == 0
        await asyncio.wait_for(waiting, 1)
        assert it.control.snapshot("ingress") == both["ingress"]


async def test_a_client_of_another_kind_than_its_snapshot_is_told_of_once() -> None:
    events: list[Event] = []

    def heard(event: Event) -> None:
        if isinstance(event, TurnedAway):
            events.append(event)

    control = ControlPlane(heard)
    port = await control.start(0)
    why = "web: is an Envoy ('envoy'), but group 'web' is for gRPC clients"
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        early = channel.stream_stream(f"/{ADS}/StreamAggregatedResources")()
        await early.write(request(node=core.Node(id="web", user_agent_name="envoy")))
        async with asyncio.timeout(10):
            while not list(control.server.clients()):  # noqa: ASYNC110 (nobody tells of it)
                await asyncio.sleep(0)
        control.serve({"web": Snapshot()}, {"web": "grpc"})
        assert [each for each in events if isinstance(each, TurnedAway)] == [TurnedAway("web", why)]
        for _ in range(2):
            late = channel.stream_stream(f"/{ADS}/StreamAggregatedResources")()
            await late.write(request(node=core.Node(id="web", user_agent_name="envoy")))
            assert await late.code() == grpc.StatusCode.FAILED_PRECONDITION
            assert await late.details() == why
        assert [each for each in events if isinstance(each, TurnedAway)] == [TurnedAway("web", why)]
        assert control.group_of(NodeInfo("web", user_agent_name="grpc-go")) == "grpc/web"
    await control.stop()


async def test_a_refusal_takes_the_mesh_back_to_what_all_had_accepted(tmp_path: Path) -> None:
    async with plane(tmp_path, automatic=True) as it:
        good, _ = it.control.releases[-1], await it.serve(BAD)
        back = await it.until(RolledBack)
        refused = next(each for each in it.events if isinstance(each, Refused))
        assert (back.version, back.why, back.nodes) == (good.id, refused.text, ())
        assert back.instead_of != good.id
        await asyncio.wait_for(it.control.in_effect(), 10)
        assert it.control.snapshot("ingress") is good.content["ingress"]
        assert [each.outcome for each in it.control.releases] == ["withdrawn", "good"]
        assert it.control.behind
        assert it.control.refused == {"ingress": refused}
        assert await it.serve(OTHER) == 1
        assert [type(event) for event in it.events] == [Applied, InEffect]
        assert not it.control.behind


async def test_without_anything_good_a_refusal_leaves_all_as_it_is(tmp_path: Path) -> None:
    async with plane(tmp_path, automatic=True, first=BAD) as it:
        event = await it.until(NotRolledBack)
        assert event.why == "no earlier config was accepted by every node"


async def test_by_hand_one_may_go_back_twice_and_no_further(tmp_path: Path) -> None:
    async with plane(tmp_path) as it:
        first = it.control.snapshot("ingress")
        await it.serve(OTHER)
        second = it.control.snapshot("ingress")
        await it.serve(BAD)
        assert it.control.rollback().why == ""
        assert it.control.snapshot("ingress") is second
        await asyncio.wait_for(it.control.in_effect(), 10)
        assert it.control.rollback(["ingress"]).nodes == ("ingress",)
        assert it.control.snapshot("ingress") is first
        with pytest.raises(NoRelease, match="no earlier config was accepted by every node"):
            it.control.rollback(["ingress"])
