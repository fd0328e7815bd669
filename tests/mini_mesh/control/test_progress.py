"""How far a change has come."""

from __future__ import annotations

import asyncio

from mini_mesh.control.progress import Progress
from mini_mesh.events import Applied, Event, InEffect
from tests.xds_server.playbook import CLUSTER, a_cluster, snapshot
from xds_server.clients.status import Status
from xds_server.events import Acked
from xds_server.node import NodeInfo

OLD, NEW = snapshot(a_cluster("c")), snapshot(a_cluster("c", "new"))


class Going:
    def __init__(self) -> None:
        self.told: list[Event] = []
        self.status = Status()
        self.progress = Progress(self.status, self.told.append)

    def accepts(self, node: str) -> None:
        self.status.record(Acked(NodeInfo(node), CLUSTER, NEW.version(CLUSTER), 0.0))
        self.progress.look(node)

    def settled(self) -> list[tuple[int, int]]:
        """Each time that all had answered: nodes, and how many refused."""
        return [(each.nodes, each.refused) for each in self.told if isinstance(each, InEffect)]


async def test_a_change_is_through_when_all_have_answered() -> None:
    it = Going()
    it.progress.begin({"a": NEW, "b": NEW}, ["a", "b", "c"], absent=())
    it.progress.look(None)
    it.accepts("a")
    assert [type(each) for each in it.told] == [Applied]
    assert it.progress.waiting() == ("b",)
    it.progress.refused("b")
    it.progress.look(None)
    assert it.settled() == [(2, 1)]
    await asyncio.wait_for(it.progress.settled(), 1)


def test_who_is_not_served_any_more_or_may_never_come_is_not_waited_for() -> None:
    it = Going()
    it.progress.begin({"a": NEW, "b": NEW, "grpc": NEW}, ["a", "b", "grpc"], absent=["grpc"])
    assert it.progress.waiting() == ("a", "b")
    it.progress.begin({}, ["b"], absent=())
    assert it.progress.waiting() == ("b",)


def test_what_is_revised_meanwhile_is_waited_for_as_revised() -> None:
    it = Going()
    it.progress.begin({"a": OLD, "b": NEW}, ["a", "b"], absent=())
    it.progress.revise(lambda held: NEW if held is OLD else OLD, ["a"])
    it.accepts("a")
    it.accepts("b")
    assert it.settled() == [(2, 0)]
