from __future__ import annotations

import pytest

from mesh_patterns.policy import CircuitBreaker
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {page: {calls: [web]}, web: }}\npatterns:\n"


def test_a_limit_is_set_on_every_edge_that_it_names(read: Read) -> None:
    draft = read(f"{MESH}- {{pattern: circuit_breaker, on: web, max_requests: 5, max_retries: 0}}")
    limits = CircuitBreaker(max_requests=5, max_retries=0)
    assert {
        ends: edge.settings["circuit_breaker"].value
        for ends, edge in draft.edges.items()
        if edge.settings
    } == {("page", "web"): limits, ("client", "web"): limits}


def test_two_that_differ_need_one_that_insists(refusal: Refusal) -> None:
    ours = "- {pattern: circuit_breaker, on: web, max_requests: 5}\n"
    theirs = "- {pattern: circuit_breaker, on: page -> web, max_connections: 1}\n"
    assert refusal(MESH + ours + theirs).startswith(
        "4:3: circuit_breaker is set here and, differently, at 3:3; "
    )


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (
            "",
            "3:3: limits nothing; expected at least one of max_requests, max_connections, "
            "max_pending_requests, max_retries",
        ),
        (", max_requests: -1", "3:53: max_requests: input should be greater than or equal to 0"),
        (", max_retries: 4294967296", "3:52: max_retries: input should be less than or equal to"),
        (", max_request: 1", "3:39: unknown key 'max_request'; did you mean 'max_requests'?"),
        (", max_requests: few", "3:53: max_requests: expected a whole number, got 'few'"),
    ],
)
def test_what_no_limit_can_be_is_refused(refusal: Refusal, limits: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: circuit_breaker, on: web{limits}}}").startswith(told)
