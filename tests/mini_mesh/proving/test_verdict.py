from __future__ import annotations

import pytest

from mesh_yaml.values import parse_bounds
from mini_mesh.proving.verdict import counted


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [("5", "5"), ("3..5", "3–5"), ("10%..20%", "20–40"), ("50%", "100"), ("<= 3", "<= 3")],
)
def test_a_share_of_a_known_total_is_a_count(bounds: str, shown: str) -> None:
    assert counted(parse_bounds(bounds), 200) == shown
