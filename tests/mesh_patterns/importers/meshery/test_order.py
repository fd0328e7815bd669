from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft

FILE = """
    name: ordered
    services:
      one: {type: Application, settings: {containers: []}, ONE}
      two: {name: second, type: Application, settings: {containers: []}, TWO}
      role: {type: ClusterRole.K8s, dependsOn: [gone]}
"""


def test_an_order_is_told_and_everything_starts_together(
    imported: Callable[..., Draft], told: Callable[[Draft], list[str]]
) -> None:
    text = FILE.replace("ONE", "dependsOn: [second]").replace("TWO", "depends On: [nobody]")
    lines = told(imported(text))
    assert "1.yaml:4:3: dependsOn of 'one': everything starts together" in lines
    assert "1.yaml:5:83: 'two' depends on 'nobody', which is not in this file" in lines
    assert not any("gone" in line for line in lines)  # nobody asks a role to start


def test_components_that_wait_for_each_other_are_an_error(refusal: Callable[..., str]) -> None:
    text = FILE.replace("ONE", "dependsOn: [two]").replace("TWO", "dependsOn: [one]")
    assert refusal(text) == "1.yaml:4:8: components depend on each other: one → two → one"
