from __future__ import annotations

from datetime import timedelta

from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {page: {calls: [web]}, web: }}\npatterns:\n"
ALL = "- {pattern: timeout, on: web, after: 1s}\n"
ONE = "- {pattern: timeout, on: page -> web, after: 2s}\n"


def test_a_timeout_is_set_on_every_edge_that_it_names(read: Read) -> None:
    draft = read(MESH + ALL)
    set_ = {ends: edge.settings.get("timeout") for ends, edge in draft.edges.items()}
    assert {ends: placed.value for ends, placed in set_.items() if placed} == {
        ("page", "web"): timedelta(seconds=1),
        ("client", "web"): timedelta(seconds=1),
    }


def test_two_that_differ_need_one_that_insists(read: Read, refusal: Refusal) -> None:
    assert refusal(MESH + ALL + ONE) == (
        "4:3: timeout is set here and, differently, at 3:3; "
        "take one away, or give one of them 'override: true'"
    )
    draft = read(MESH + ALL + ONE.replace("after", "override: true, after"))
    assert draft.edges["page", "web"].settings["timeout"].value == timedelta(seconds=2)
    assert draft.edges["client", "web"].settings["timeout"].value == timedelta(seconds=1)
