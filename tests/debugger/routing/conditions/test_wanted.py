from __future__ import annotations

from debugger.routing.arriving.arrival import Arrival
from debugger.routing.conditions.wanted import unknown
from mesh_traffic import Request


def test_what_nobody_can_decide_says_why() -> None:
    found = unknown("a matcher", "match.x", "it is not read here").look(Arrival(Request()))
    assert (found.holds, found.why, found.path) == (None, "it is not read here", "match.x")
