"""Strongly connected components in an order fit for importing."""

from __future__ import annotations

from xds_server.mirror.knots import knots


def test_what_is_referred_to_comes_first_and_circles_come_together() -> None:
    graph = {"a": "bc", "b": "d", "c": "d", "d": "e", "e": "df", "f": ""}
    found = [sorted(knot) for knot in knots("a", lambda node: graph[node])]
    assert found == [["f"], ["d", "e"], ["b"], ["c"], ["a"]]


def test_a_node_that_refers_to_itself_is_a_knot_of_one() -> None:
    assert knots("a", lambda node: node) == [["a"]]


def test_a_chain_longer_than_pythons_stack_is_climbed() -> None:
    found = knots(0, lambda n: [n + 1] if n < 5_000 else [])
    assert found[0] == [5_000]
    assert len(found) == 5_001
