"""What a control plane answers is read piece by piece, and junk gets a word."""

from __future__ import annotations

import pytest

from debugger.explain.served import Piece, Served, ServedError
from tests.debugger.explain.made import answer
from tests.xds_server.playbook import a_cluster, a_listener
from xds_server.resource import ResourceType

CLUSTER = ResourceType.CLUSTER


def test_the_place_of_a_field_is_that_of_the_nearest_part_around_it() -> None:
    origins = {"": "m.yaml:1:1", "a[0]": "m.yaml:2:1", "a[0].b.c[2]": "m.yaml:3:1"}
    piece = Piece(CLUSTER, "x", "1", None, origins)
    assert piece.place("a[0].b.c[2].d") == "m.yaml:3:1"
    assert piece.place("a[0].b") == "m.yaml:2:1"
    assert piece.place("a[1].b") == piece.place() == "m.yaml:1:1"
    assert Piece(CLUSTER, "x", "1", None).place("a.b[0]") == ""


def test_resources_are_read_when_they_are_asked_for() -> None:
    served = Served(answer("n", [a_cluster("one"), a_listener("front")]))
    found = served.get(CLUSTER, "one")
    assert found is not None
    assert found.message.name == "one"
    assert served.get(CLUSTER, "two") is None
    assert [each.name for each in served.listeners] == ["front"]


@pytest.mark.parametrize("body", ["%%%", "/////w==", 7, None])
def test_a_body_that_is_none_is_named(body: object) -> None:
    told = answer("n", [a_cluster("one")])
    told["resources"][0]["body"] = body
    with pytest.raises(ServedError, match="Cluster 'one': "):
        Served(told).get(CLUSTER, "one")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"node": "n", "kind": "envoy"},
        {"node": "n", "kind": "envoy", "resources": [{}]},
        {"node": "n", "kind": "envoy", "resources": [], "since": "now"},
        {"node": "n", "kind": "envoy", "resources": 5},
    ],
)
def test_what_is_no_answer_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(ServedError, match="no answer of a control plane"):
        Served(told)
