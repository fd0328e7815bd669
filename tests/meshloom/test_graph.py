"""``meshloom graph``'s options; test_smi has it of a mesh that runs."""

from __future__ import annotations

from tests.meshloom.command import inside


def test_a_notation_that_is_none_is_refused() -> None:
    done = inside("graph", "-o", "png")
    assert done.code == 2
    assert "mermaid" in done.err
