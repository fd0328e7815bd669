"""A consumer waits longer each time; test_owner has it with owners."""

from __future__ import annotations

from mini_mesh.federation.consumer import FIRST_PAUSE, FORGOTTEN, LONGEST_PAUSE


def test_pauses_are_those_of_the_specification() -> None:
    """Hamlet, "Error Codes": exponential backoff with a minimum delay of 1 second."""
    assert FIRST_PAUSE >= 1.0
    assert LONGEST_PAUSE > FIRST_PAUSE
    assert FORGOTTEN > 1.0
