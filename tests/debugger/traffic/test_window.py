"""A window has what was counted when it began."""

from __future__ import annotations

from debugger.stats.change import Reading
from debugger.traffic.window import Window


def test_the_oldest_that_still_covers_the_window_stays() -> None:
    window = Window(30.0)
    assert window.before(5.0) == (0.0, {})
    for at in range(0, 100, 5):
        window.keep(float(at), {"a": Reading(float(at))})
    seconds, readings = window.before(96.0)
    assert (seconds, readings["a"].at) == (31.0, 65.0)
