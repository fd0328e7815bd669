from __future__ import annotations

import pytest

from mesh_patterns.importers.istio.asked import Asked, Impossible
from mesh_yaml.node import Node
from mesh_yaml.place import Place

HERE = Place("x", 1, 1)


def blocks(*texts: str) -> Asked:
    return Asked(lists={"ip_blocks": tuple(Node(text, HERE) for text in texts)})


def test_of_two_lists_of_names_who_is_in_both_may_ask() -> None:
    one, other = Asked(frozenset({"a", "b"})), Asked(frozenset({"b", "c"}))
    assert Asked.all_of([one, other]).names == {"b"}
    assert Asked.all_of([one, Asked(frozenset({"*"}))]).names == {"a", "b"}
    assert Asked.all_of([Asked(), one]).names == {"a", "b"}
    with pytest.raises(Impossible):
        Asked.all_of([one, Asked(frozenset({"z"}))])


def test_of_two_lists_of_blocks_the_narrower_counts() -> None:
    both = Asked.all_of([blocks("10.0.0.0/8", "::1"), blocks("10.1.0.0/16", "192.0.2.1")])
    assert [node.text() for node in both.lists["ip_blocks"]] == ["10.1.0.0/16"]
    with pytest.raises(Impossible):
        Asked.all_of([blocks("10.0.0.0/8"), blocks("11.0.0.0/8")])


def test_it_is_written_in_our_language() -> None:
    whole = Asked.all_of(
        [Asked(frozenset({"b", "a"})), Asked(excluded={"methods": (Node("PUT", HERE),)})]
    )
    assert whole.tree(HERE).plain() == {"from": ["a", "b"], "not": {"methods": ["PUT"]}}
    assert Asked().tree(HERE).plain() == {}
