from __future__ import annotations

from mini_mesh.beside.rate_limit.lines import decode, encode
from tests.mesh_patterns.rate_limits.configs import MAIL, REPLACES, read


def test_rules_are_the_same_on_the_other_side_of_a_line() -> None:
    rules = read(MAIL, REPLACES)
    line = encode(rules)
    assert line.count(b"\n") == 1
    assert decode(line) == rules
