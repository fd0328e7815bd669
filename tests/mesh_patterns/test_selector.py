from __future__ import annotations

import re

import pytest

from mesh_patterns.draft import Draft, Target
from mesh_patterns.selector import edges, inbound, target
from mesh_yaml.place import DocumentError, Place
from tests.mesh_patterns.conftest import Read

HERE = Place("m.yaml", 5, 6)
MESH = """
mesh:
  services:
    page: {calls: [reviews], ingress: true}
    reviews: {versions: {v1: , v2: }, calls: [ratings], hosts: [reviews.shop]}
    ratings:
"""


@pytest.fixture
def draft(read: Read) -> Draft:
    return read(MESH)


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("page -> reviews", ["page -> reviews"]),
        ("page->reviews.shop", ["page -> reviews"]),
        ("page -> Reviews.Shop", ["page -> reviews"]),
        ("reviews", ["page -> reviews", "client -> reviews"]),
        ("* -> ratings", ["reviews -> ratings", "client -> ratings"]),
        ("mesh -> page", ["client -> page"]),
        ("ingress -> *", ["ingress -> page"]),
        ("client -> ratings", ["client -> ratings"]),
        (
            "*",
            [
                *("page -> reviews", "reviews -> ratings", "ingress -> page"),
                *("client -> page", "client -> reviews", "client -> ratings"),
            ],
        ),
    ],
)
def test_edges_are_named_by_their_ends(draft: Draft, on: str, found: list[str]) -> None:
    assert [f"{edge.caller} -> {edge.callee}" for edge in edges(draft, on, HERE)] == found


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("review", "no service 'review'; did you mean 'reviews'?"),
        ("x", "no service 'x'; there is 'page', 'reviews', 'ratings'"),
        ("pge -> reviews", "no service 'pge'; did you mean 'page'?"),
        ("page -> ratings", "'page' does not call 'ratings'; add it to the 'calls' of 'page'"),
        ("ingress -> ratings", "'ratings' is not at the ingress; give it 'ingress: true'"),
        ("reviews/v1", "an edge ends at a service, not at a version: 'reviews/v1'"),
        ("page -> ", "no service ''; there is 'page', 'reviews', 'ratings'"),
    ],
)
def test_an_edge_that_is_not_there_is_refused(draft: Draft, on: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        edges(draft, on, HERE)
    assert str(caught.value) == f"m.yaml:5:6: {told}"


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("reviews", [Target("reviews")]),
        ("reviews.shop", [Target("reviews")]),
        ("reviews/v2", [Target("reviews", "v2")]),
        ("page -> reviews/v2", [Target("reviews", "v2")]),
        ("*", [Target("page"), Target("reviews"), Target("ratings")]),
    ],
)
def test_workloads_are_named_by_service_and_version(
    draft: Draft, on: str, found: list[Target]
) -> None:
    assert inbound(draft.mesh, on, HERE) == found


def test_a_bare_name_is_a_version_before_it_is_a_service(draft: Draft) -> None:
    mesh = draft.mesh
    assert target(mesh, "v2", HERE, "reviews") == Target("reviews", "v2")
    assert target(mesh, "ratings", HERE, "reviews") == Target("ratings")
    assert target(mesh, "reviews/v1", HERE, "ratings") == Target("reviews", "v1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "v3",
            "'reviews' has no version 'v3', and there is no service of that name; "
            "there is 'v1', 'v2', 'page', 'reviews', 'ratings'",
        ),
        ("reviews/v3", "'reviews' has no version 'v3'; there is 'v1', 'v2'"),
        ("ratings/v1", "'ratings' has no version 'v1'"),
        ("x/v1", "no service 'x'; there is 'page', 'reviews', 'ratings'"),
    ],
)
def test_a_target_that_is_not_there_is_refused(draft: Draft, text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        target(draft.mesh, text, HERE, "reviews")
    assert str(caught.value) == f"m.yaml:5:6: {told}"


REPLICAS = """
mesh: {services: {a: {replicas: 2}, b: {versions: {v1: {replicas: 3}, v2: }}}}
patterns: [{pattern: fault, on: '%s', abort: {status: 503}}]
"""


@pytest.mark.parametrize(
    ("on", "ids"),
    [
        ("a#2", ["a-2"]),
        ("a", ["a", "a-2"]),
        ("b/v1#3", ["b-v1-3"]),
        ("b/v1#1", ["b-v1"]),
        ("b/v1", ["b-v1", "b-v1-2", "b-v1-3"]),
    ],
)
def test_a_number_after_a_version_is_one_of_its_replicas(
    read: Read, on: str, ids: list[str]
) -> None:
    draft = read(REPLICAS % on)
    (fault,) = draft.filters
    assert fault.inbound is not None
    assert [each.id for each in fault.inbound.instances(draft.mesh)] == ids
    assert str(fault.inbound) == on


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("a#3", "no replica '3': a has 2, the first is a#1"),
        ("a#0", "no replica '0': a has 2"),
        ("a#", "no replica '': a has 2"),
        ("a#²", "no replica '²': a has 2"),
        ("a#1#1", "no replica '1#1': a has 2"),
        ("b#1", "'b' has versions; say which: b/v1#1, b/v2#1"),
        ("b/v2#2", "no replica '2': b/v2 has 1"),
    ],
)
def test_a_replica_that_is_not_there_is_refused(read: Read, on: str, told: str) -> None:
    with pytest.raises(DocumentError, match=re.escape(told)):
        read(REPLICAS % on)
