"""In which group a node of the mesh is, and who is told that it gets nothing."""

from __future__ import annotations

import pytest

from mini_mesh.control.groups import NodeGroups
from xds_server.groups import NoGroup
from xds_server.node import NodeInfo

ENVOY, GRPC, SHELL = (
    NodeInfo("web", user_agent_name=agent) for agent in ("envoy", "gRPC C-core linux Python", "")
)


def test_before_anything_is_known_of_a_node_its_user_agent_tells() -> None:
    groups = NodeGroups(lambda node, why: None)
    assert [groups(each) for each in (ENVOY, GRPC, SHELL)] == ["envoy/web", "grpc/web", "envoy/web"]


def test_what_its_snapshot_is_made_for_decides() -> None:
    groups = NodeGroups(lambda node, why: None)
    groups.know(["web", "db"], {"web": "grpc"})
    assert [groups(each) for each in (GRPC, SHELL)] == ["grpc/web", "grpc/web"]
    assert (groups.kind("db"), groups.name("db"), groups.nodes()) == (
        "envoy",
        "envoy/db",
        ("web", "db"),
    )
    with pytest.raises(NoGroup, match="but group 'web' is for gRPC clients"):
        groups(ENVOY)


def test_what_was_said_of_a_node_counts_until_something_else_is() -> None:
    groups = NodeGroups(lambda node, why: None)
    groups.know(["web"], {"web": "grpc"})
    groups.know(["web"], {})
    assert groups.kind("web") == "grpc"
    groups.know(["web"], {"web": "envoy"})
    assert groups(ENVOY) == "envoy/web"


def test_each_misfit_is_told_of_once_for_each_reason() -> None:
    told: list[tuple[str, str]] = []
    groups = NodeGroups(lambda *what: told.append(what))
    groups.know(["web"], {"web": "grpc"})
    for _ in range(3):
        groups.check([ENVOY, GRPC, SHELL])
    why = "web: is an Envoy ('envoy'), but group 'web' is for gRPC clients"
    assert told == [("web", why)]
    groups.turn_away("web", "another reason")
    assert told[1:] == [("web", "another reason")]
