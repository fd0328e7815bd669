"""Catalogues and snapshots made from one another are what they would be if made anew."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    ROUTE,
    a_cluster,
    a_listener,
    a_route,
    an_assignment,
    an_eds_cluster,
)
from tests.xds_server.resources import virtual_host
from xds_server.catalogue import MAX_KEPT, Catalogue
from xds_server.errors import InconsistentSnapshot, ResourceError
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot

NAMES = ("a", "b", "c", "d")
KINDS = (CLUSTER, ENDPOINT, LISTENER, ROUTE, ResourceType.VIRTUAL_HOST)


def a_host(name: str, value: int) -> Resource:
    host = virtual_host(name, f"{value}", f"{name}.com", f"*.{NAMES[value]}.com")
    host.name = f"routes/{name}"
    return Resource.of(host).known_as(*NAMES[:value])


def made(kind: ResourceType, name: str, value: int) -> Resource:
    if kind is CLUSTER:
        found = an_eds_cluster(name, f"{value}") if value else a_cluster(name)
    elif kind is ENDPOINT:
        found = an_assignment(name, value)
    elif kind is LISTENER:
        found = a_listener(name, f"{value}")
    elif kind is ROUTE:
        found = a_route(name, *NAMES[:value], content=f"{value}")
    else:
        return a_host(name, value)
    ttl = 5.0 if value == 2 else None
    return Resource.of_bytes(kind, name, found.body, ttl=ttl)


keys = st.tuples(st.sampled_from(KINDS), st.sampled_from(NAMES))
changes = st.tuples(st.dictionaries(keys, st.integers(0, 2), max_size=6), st.frozensets(keys))


@settings(max_examples=150, deadline=None)
@given(story=st.lists(changes, max_size=8), asked=st.booleans())
def test_what_is_replaced_step_by_step_is_what_is_made_at_once(
    story: list[Any], asked: bool
) -> None:
    """``asked``: each one is asked for all that it may pass on to the next."""
    held: dict[Any, Resource] = {}
    grown = Snapshot()
    for set_to, gone in story:
        changed = {key: made(*key, value) for key, value in set_to.items()}
        removed = [key for key in gone - changed.keys()]
        held = {key: each for key, each in {**held, **changed}.items() if key not in removed}
        names = [(kind, made(kind, name, 0).name) for kind, name in removed]
        grown = grown.replacing(changed.values(), names)
        if asked:
            _compare(grown, Snapshot.of(held.values()))
    _compare(grown, Snapshot.of(held.values()))


def _compare(grown: Snapshot, fresh: Snapshot) -> None:
    assert list(grown) == list(fresh)
    for kind in ResourceType:
        assert grown.version(kind) == fresh.version(kind)
        assert dict(grown.versions(kind)) == dict(fresh.versions(kind))
        assert grown.is_needed(kind) == fresh.is_needed(kind)
        ours, theirs = grown.catalogue(kind), fresh.catalogue(kind)
        assert ours.everything == theirs.everything
        assert dict(ours.lifetimes) == dict(theirs.lifetimes)
        names = (*NAMES, *(f"routes/x.{name}.com" for name in NAMES))
        found = [ours.aliases.resolve(name) for name in names]
        assert found == [theirs.aliases.resolve(name) for name in names]
        assert ours.changes_since(theirs) == frozenset()
    assert _missing(grown) == _missing(fresh)


def _missing(snapshot: Snapshot) -> tuple[str, ...]:
    try:
        snapshot.check(static_clusters=["d"])
    except InconsistentSnapshot as error:
        return error.missing
    return ()


def test_a_catalogue_knows_what_changed_since_the_one_before_and_since_any_other() -> None:
    first = Catalogue.of([a_cluster("a"), a_cluster("b"), a_cluster("c")])
    changed = {"b": a_cluster("b", "new"), "d": a_cluster("d"), "a": a_cluster("a")}
    second = first.replacing(changed, removed=["c", "nobody"])
    assert second.changes_since(first) == {"b", "c", "d"}
    third = second.replacing({"a": a_cluster("a", "new")})
    assert third.changes_since(second) == {"a"}
    assert third.changes_since(first) == {"a", "b", "c", "d"}
    assert third.changes_since(first) is third.changes_since(first)
    assert third.changes_since(third) == frozenset()
    back = third.replacing(first.resources, removed=["d"])
    assert back.version == first.version
    assert back.changes_since(first) == frozenset()


def test_what_a_catalogue_remembers_is_bounded() -> None:
    names = [f"{i}" for i in range(MAX_KEPT * 2)]
    made = Catalogue.of(map(a_cluster, names))
    others = [Catalogue.of([a_cluster(name)]) for name in names]
    for name, other in zip(names, others, strict=True):
        assert made.parcel([name]).names == (name,)
        made.changes_since(other)
    assert len(made._parcels) == len(made._changes) == MAX_KEPT


def test_streams_that_lack_the_same_are_given_the_same_parcel() -> None:
    made = Catalogue.of([a_cluster("a"), a_cluster("b"), a_cluster("c")])
    assert made.parcel(["b", "a"]) is made.parcel(["a", "b"])
    assert made.parcel(["b", "a"]).names == ("a", "b")
    assert made.parcel(["c", "b", "a"]) is made.everything


def test_a_snapshot_shares_what_did_not_change() -> None:
    first = Snapshot.of([a_cluster("a"), an_assignment("a")])
    second = first.replacing([an_assignment("a", 1)])
    assert second.catalogue(CLUSTER) is first.catalogue(CLUSTER)
    assert second.version(ENDPOINT) != first.version(ENDPOINT)
    assert first.resources(ENDPOINT)["a"] == an_assignment("a")


def test_a_resource_that_only_moved_in_its_file_is_replaced_without_a_change() -> None:
    first = Snapshot.of([a_cluster("a")])
    moved = Resource.of_bytes(CLUSTER, "a", a_cluster("a").body, origins={"": "f:9:1"})
    second = first.replacing([moved])
    assert second.resources(CLUSTER)["a"].place_of("") == "f:9:1"
    assert second.version(CLUSTER) == first.version(CLUSTER)
    assert second.catalogue(CLUSTER).changes_since(first.catalogue(CLUSTER)) == frozenset()


def test_the_same_resource_twice_is_refused_and_so_is_one_that_comes_and_goes() -> None:
    empty = Snapshot()
    with pytest.raises(ResourceError, match="^Cluster 'a': two resources of this name$"):
        empty.replacing([a_cluster("a"), a_cluster("a", "other")])
    with pytest.raises(ResourceError, match="^Cluster 'a': to be replaced and to be removed$"):
        empty.replacing([a_cluster("a")], removed=[(CLUSTER, "a")])
