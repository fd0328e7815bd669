from __future__ import annotations

from datetime import timedelta

import pytest

from mesh_patterns.kinds.objective import Objective
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {calls: [api]}, api: }}\npatterns:\n"


def test_a_service_says_what_it_owes_and_envoy_is_told_nothing(read: Read) -> None:
    text = "- {pattern: objective, on: api, availability: 99.9%, latency: {p99: 300ms}}"
    draft = read(MESH + text)
    promised = Objective(99.9, (("p99", timedelta(milliseconds=300)),))
    assert draft.objectives["api"].value == promised
    assert draft.filters == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("on: api", "3:3: promises nothing; expected availability, latency or both"),
        ("on: api, availability: 100%", "3:47: availability: expected less than 100%"),
        ("on: web -> api, availability: 99", "3:28: an objective is a whole service's"),
        ("on: api, latency: {p95: 1s}", "3:"),
    ],
)
def test_what_nobody_can_promise_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: objective, {keys}}}").startswith(told)


def test_two_that_differ_are_told_with_both_lines(refusal: Refusal) -> None:
    two = "- {pattern: objective, on: api, availability: 99}\n" * 2
    told = refusal(MESH + two.replace("99}", "98}", 1))
    assert told.startswith("4:3: objective of 'api' is set here and, differently, at 3:3")
