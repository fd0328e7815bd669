"""The way back of a mesh: by what all nodes accepted, and only to nodes that are there."""

from __future__ import annotations

import pytest

from mini_mesh.control.rollback import MeshReleases
from tests.xds_server.playbook import CLUSTER, a_cluster, snapshot
from xds_server.clients.status import Status
from xds_server.events import Acked, Event, Nacked, NackRecord, StreamClosed, StreamOpened
from xds_server.node import NodeInfo
from xds_server.releases import NoRelease
from xds_server.snapshot import Snapshot

OLD, NEW, BAD = (snapshot(a_cluster("c", each)) for each in ("old", "new", "bad"))


class Mesh:
    """Nodes that accept and refuse what they are given."""

    def __init__(self, *nodes: str) -> None:
        self.status = Status()
        self.releases = MeshReleases(self.status, lambda: 0.0)
        for node in nodes:
            self.tell(StreamOpened(NodeInfo(node), "Delta", 0.0))

    def tell(self, event: Event) -> bool:
        self.status.record(event)
        return self.releases.heard(event)

    def accepts(self, node: str, served: Snapshot) -> None:
        self.tell(Acked(NodeInfo(node), CLUSTER, served.version(CLUSTER), 0.0))

    def refuses(self, node: str, served: Snapshot) -> bool:
        version = served.version(CLUSTER)
        return self.tell(Nacked(NackRecord(NodeInfo(node), CLUSTER.type_url, version, "no"), 0.0))

    def gone(self, node: str) -> None:
        self.tell(StreamClosed(NodeInfo(node), 0.0))

    def outcomes(self) -> list[str]:
        return [each.outcome for each in self.releases.all()]


def test_a_mesh_goes_back_to_what_every_one_of_its_nodes_accepted() -> None:
    mesh = Mesh("a", "b")
    for served in (OLD, NEW):
        mesh.releases.add({"a": served, "b": OLD})
        mesh.accepts("a", served)
        assert mesh.outcomes()[-1] == "open"
        mesh.accepts("b", OLD)
        assert mesh.outcomes()[-1] == "good"
    mesh.releases.add({"a": NEW, "b": BAD})
    assert mesh.refuses("b", BAD)
    assert mesh.releases.back().content == {"a": NEW, "b": OLD}
    assert mesh.outcomes() == ["good", "withdrawn", "good"]


def test_a_refusal_of_what_is_not_served_any_more_takes_nobody_back() -> None:
    mesh = Mesh("a", "b")
    mesh.releases.add({"a": OLD, "b": OLD})
    mesh.accepts("a", OLD)
    mesh.accepts("b", OLD)
    mesh.releases.add({"a": BAD, "b": BAD})
    assert mesh.refuses("a", BAD)
    mesh.releases.back()
    assert not mesh.refuses("b", BAD)
    assert mesh.outcomes() == ["withdrawn", "good"]


def test_nobody_is_sent_to_a_node_that_is_gone() -> None:
    mesh = Mesh("a", "b")
    mesh.releases.add({"a": OLD, "b": OLD})
    mesh.accepts("a", OLD)
    mesh.accepts("b", OLD)
    mesh.releases.add({"a": NEW})
    mesh.gone("b")
    with pytest.raises(NoRelease, match=r"^version \w{6} was for b too, which is gone$"):
        mesh.releases.back()


def test_renewed_certificates_are_in_what_it_goes_back_to() -> None:
    mesh = Mesh("a")
    mesh.releases.add({"a": OLD})
    mesh.accepts("a", OLD)
    mesh.releases.add({"a": BAD})
    mesh.releases.revise(lambda held: NEW if held is OLD else held, ["a"])
    assert mesh.releases.back().content == {"a": NEW}


def test_what_is_revised_for_some_nodes_stays_for_the_others() -> None:
    mesh = Mesh("a", "b")
    mesh.releases.add({"a": OLD, "b": OLD})
    mesh.releases.revise(lambda held: NEW, ["b"])
    assert mesh.releases.all()[0].content == {"a": OLD, "b": NEW}
