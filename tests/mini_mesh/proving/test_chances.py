"""What is known of luck, by patterns made up from literals."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.draft import Target
from mesh_patterns.load import load
from mesh_yaml.values import parse_bounds
from mini_mesh.proving.chances import of_share, of_status, to_fail

MESH = """
mesh: {{services: {{web: {{versions: {{v1: , v2: }}}}}}}}
patterns:
{patterns}
expect:
- {{to: web, status: 200, headers: {headers}}}
"""
FAULT = "- {pattern: fault, on: web, abort: {status: 503, percent: 30%}"


def chance(folder: Path, patterns: str, headers: str = "{}", status: int = 503) -> float | None:
    file = folder / "mesh.yaml"
    file.write_text(MESH.format(patterns=patterns, headers=headers))
    draft = load([file])
    return of_status(draft.mesh.claims[0], draft, status)


@pytest.mark.parametrize(
    ("patterns", "headers", "status", "expected"),
    [
        (FAULT + "}", "{}", 503, 0.3),
        (FAULT + "}", "{}", 200, None),  # a workload may answer anything
        (FAULT + ", when: {headers: {x: y}}}", "{X: y}", 503, 0.3),
        (FAULT + ", when: {headers: {x: y}}}", "{x: z}", 503, None),
        (f"{FAULT}}}\n{FAULT}}}", "{}", 503, None),
        (FAULT.replace("on: web", "on: web/v1") + "}", "{}", 503, None),
        (FAULT.replace("on: web", "on: client -> web") + "}", "{}", 503, 0.3),
        (FAULT + "}\n- {pattern: retries, on: web, attempts: 1}", "{}", 503, None),
        (FAULT.replace("30%", "100%") + "}", "{}", 503, None),
    ],
)
def test_a_fault_gives_its_status_a_chance(
    tmp_path: Path, patterns: str, headers: str, status: int, expected: float | None
) -> None:
    assert chance(tmp_path, patterns, headers, status) == expected


def test_a_canarys_weights_are_chances(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    canary = "- {pattern: canary, on: web, weights: {v1: 75, v2: 25}}"
    file.write_text(MESH.format(patterns=canary, headers="{}"))
    draft = load([file])
    assert of_share(draft.mesh.claims[0], draft, Target("web", "v2")) == 0.25
    assert of_share(draft.mesh.claims[0], draft, Target("web", "v9")) == 0


def test_what_a_claim_states_itself_is_its_chance() -> None:
    bounds = parse_bounds("10% ± 3σ")
    assert to_fail(bounds, 1000, None) == pytest.approx(0.0027, abs=0.0005)
    assert to_fail(parse_bounds("1..2"), 1000, None) is None
    assert to_fail(bounds, 0, 0.1) is None
