"""How answers spread: see ``test_replays``, which has answers."""

from __future__ import annotations

from collections import Counter

from debugger.replay.spread import Spread


def test_as_plain_values_the_most_come_first() -> None:
    statuses = Counter({"503": 1, "200": 2})
    spread = Spread(3, statuses, Counter(), 1, Counter({"status": 1}), (0.001, 0.002, 0.0034567))
    assert list(spread.as_json()["statuses"]) == ["200", "503"]
    assert spread.as_json()["milliseconds"] == {"fastest": 1.0, "median": 2.0, "slowest": 3.457}
