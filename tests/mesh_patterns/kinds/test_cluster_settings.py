from __future__ import annotations

import pytest

from tests.mesh_patterns.conftest import Read

MESH = """\
mesh: {services: {page: {calls: [old, new]}, old: {versions: {v1: , v2: }}, new: }}
patterns:
- {pattern: canary, on: page -> old, weights: {v1: 50, new: 50}}
"""
TOLD = (
    "'page' sends requests for 'old' to 'new' too, which this is not about; "
    "say the same on 'page -> new'"
)


@pytest.mark.parametrize(
    "pattern",
    [
        "circuit_breaker, on: page -> old, max_requests: 1",
        "load_balancing, on: page -> old, policy: random",
        "outlier_detection, on: page -> old",
    ],
)
def test_a_split_that_leads_elsewhere_leaves_a_setting_behind(read: Read, pattern: str) -> None:
    draft = read(f"{MESH}- {{pattern: {pattern}}}\n")
    assert (TOLD, True) in [(problem.message, problem.warning) for problem in draft.warnings]


def test_a_split_between_versions_does_not(read: Read) -> None:
    text = MESH.replace("v1: 50, new: 50", "v1: 50, v2: 50")
    assert not read(f"{text}- {{pattern: circuit_breaker, on: old, max_requests: 1}}").warnings
