"""Claims about how a change of a file is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.difference import differences, summary
from mesh_patterns.load import load
from mesh_patterns.model import Mesh

BASE = """
mesh:
  services:
    web: {calls: [reviews]}
    reviews: {versions: {v1: , v2: {run: "a"}}}
patterns:
  - {pattern: canary, on: reviews, weights: {v1: 90, v2: 10}}
  - {pattern: timeout, on: reviews, after: 1s}
"""


Read = Callable[[str], Mesh]


@pytest.fixture
def read_mesh(tmp_path: Path) -> Read:
    def one(text: str) -> Mesh:
        file = tmp_path / "mesh.yaml"
        file.write_text(text)
        return load([file]).mesh

    return one


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("", "", []),
        ("# x", "# y", []),
        (
            "{v1: 90, v2: 10}",
            "{v1: 75, v2: 25}",
            ["canary on reviews: weights.v1 90 → 75", "canary on reviews: weights.v2 10 → 25"],
        ),
        ("after: 1s", "after: 2s", ["timeout on reviews: after 1s → 2s"]),
        (
            "  - {pattern: timeout, on: reviews, after: 1s}\n",
            "",
            ["timeout on reviews removed"],
        ),
        ("    web:", "    new:\n    web:", ["service new added"]),
        ("v1: , v2:", "v1: , v3: , v2:", ["reviews v3 added"]),
        ('run: "a"', 'run: "b"', ["reviews v2 runs anew"]),
        ("{calls: [reviews]}", "", ["web calls nobody"]),
        (
            "  - {pattern: timeout",
            "  - {pattern: timeout, on: web, after: 3s}\n  - {pattern: timeout",
            ["timeout on web added"],
        ),
    ],
)
def test_a_change_is_told_in_the_words_of_the_file(
    read_mesh: Read,
    old: str,
    new: str,
    told: list[str],
) -> None:
    assert (
        differences(read_mesh(BASE), read_mesh(BASE.replace(old, new, 1) if old else BASE)) == told
    )


def test_a_large_change_is_summed_up(read_mesh: Read) -> None:
    more = BASE.replace("    web:", "".join(f"    s{i}:\n" for i in range(6)) + "    web:")
    assert summary(read_mesh(BASE), read_mesh(more)) == (
        "service s0 added, service s1 added, service s2 added, service s3 added, and 2 more"
    )
