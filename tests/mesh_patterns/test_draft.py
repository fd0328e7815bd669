from __future__ import annotations

import pytest

from mesh_patterns.draft import Draft, Match, Placed, Rule, Target, Weighted, settle
from mesh_yaml.matching import StringMatch
from mesh_yaml.place import DocumentError, Place
from tests.mesh_patterns.conftest import Read

ONE, TWO = Place("m.yaml", 1), Place("m.yaml", 2)


def test_the_first_value_and_the_same_value_hold() -> None:
    assert settle("timeout", None, Placed(5, ONE)) == Placed(5, ONE)
    assert settle("timeout", Placed(5, ONE), Placed(5, TWO)) == Placed(5, TWO)


def test_the_one_that_insists_wins_whichever_comes_first() -> None:
    loud, meek = Placed(1, ONE, override=True), Placed(2, TWO)
    assert settle("timeout", meek, loud) is settle("timeout", loud, meek) is loud


@pytest.mark.parametrize("override", [False, True])
def test_two_that_differ_and_insist_alike_are_refused_with_both_places(override: bool) -> None:
    with pytest.raises(DocumentError) as caught:
        settle("timeout", Placed(1, ONE, override), Placed(2, TWO, override))
    assert str(caught.value) == (
        "m.yaml:2:1: timeout is set here and, differently, at m.yaml:1:1; "
        "take one away, or give one of them 'override: true'"
    )


def test_the_same_weights_on_another_line_are_the_same() -> None:
    assert Weighted(Target("a"), 1, ONE) == Weighted(Target("a"), 1, TWO)


def test_a_rule_has_its_own_setting_or_the_edges(read: Read) -> None:
    edge = read("mesh: {services: {a: }}").edges["client", "a"]
    rule = Rule(Match(), ONE)
    assert edge.value(rule, "timeout") is None
    edge.put("timeout", Placed(1, ONE))
    assert edge.value(rule, "timeout") == 1
    rule.put("timeout", Placed(2, TWO))
    assert edge.value(rule, "timeout") == rule.value("timeout") == 2
    assert rule.value("retries") is None


def test_a_draft_begins_with_everybody_who_may_call(read: Read) -> None:
    draft = read("mesh: {services: {a: {calls: [b]}, b: {ingress: true}}}")
    ends = [("a", "b"), ("ingress", "b"), ("client", "a"), ("client", "b")]
    assert list(draft.edges) == ends
    found = draft.edges.values()
    assert [e.caller for e in found if e.callee == "b"] == ["a", "ingress", "client"]


def test_filters_have_names_of_their_own(read: Read) -> None:
    draft = Draft.of(read("mesh: {services: {a: }}").mesh)
    edges = [edge for edge in draft.edges.values() if edge.callee == "a"]
    draft.add_filter("wasm", "x", 1, ONE, edges=edges, inbound=[Target("a")])
    draft.add_filter("wasm", "x", 2, TWO, inbound=[Target("a")])
    draft.add_filter("fault", "", 3, TWO, inbound=[Target("a")])
    assert [(each.name, each.edge) for each in draft.filters] == [
        ("wasm.x", ("client", "a")),
        ("wasm.x", None),
        ("wasm.x.2", None),
        ("fault", None),
    ]


def test_what_is_looked_up_is_what_one_would_find_among_all(read: Read) -> None:
    draft = read(
        "mesh: {services: {a: {calls: [b]}, b: {versions: {v1: }}, c: {calls: [b, a]}}}\n"
        "patterns:\n"
        "- {pattern: fault, on: a -> b, abort: {status: 500}}\n"
        "- {pattern: fault, on: b, abort: {status: 501}}\n"
    )
    edges = draft.edges.values()
    for name in ("a", "b", "c", "client", "nobody"):
        assert list(draft.edges_from(name)) == [e for e in edges if e.caller == name]
        assert list(draft.edges_to(name)) == [e for e in edges if e.callee == name]
        before = [f for f in draft.filters if f.inbound and f.inbound.service == name]
        assert list(draft.filters_before(name)) == before
    on = {ends: list(draft.filters_on(edge)) for ends, edge in draft.edges.items()}
    assert on == {ends: [f for f in draft.filters if f.edge == ends] for ends in draft.edges}
    assert (len(draft.filters), len(on["a", "b"]), len(draft.filters_before("b"))) == (2, 1, 1)


def test_a_match_of_everything_is_no_match() -> None:
    assert not Match()
    assert Match(path=StringMatch("prefix", "/"))
    assert [str(Target("a")), str(Target("a", "v1"))] == ["a", "a/v1"]
