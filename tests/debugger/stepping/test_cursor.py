"""Steps go both ways, and the state at a stop is the same from whichever side one comes."""

from __future__ import annotations

import random

import pytest

from debugger.stepping.cursor import Cursor
from debugger.stepping.run.history import SteppingError
from debugger.stepping.run.memory import Memory
from debugger.stepping.run.state import FIELDS, Slot
from debugger.stepping.run.stop import Kind
from tests.debugger.stepping.runs import busy, history


def test_the_state_at_a_stop_is_the_same_however_one_comes_there() -> None:
    cursor = Cursor(history(busy(), times=2))
    seen = {1: dict(cursor.state)}
    while cursor.forward():
        seen[cursor.stop.number] = dict(cursor.state)
    assert len(seen) == len(cursor.history)
    while cursor.back():
        assert dict(cursor.state) == seen[cursor.stop.number]
    chosen = random.Random(0)
    for number in chosen.choices(list(seen), k=200):
        cursor.go(number)
        assert dict(cursor.state) == seen[number]


def test_the_state_is_what_the_filter_would_have_been_told_there() -> None:
    """Each stop's headers are compared with what the host itself has, in a run up to there."""
    found = history(busy())
    cursor, memory = Cursor(found), Memory(found)
    checked = 0
    for stop in found.stops:
        cursor.go(stop.number)
        pairs = cursor.state.get(Slot(FIELDS[0], "", stop.owner))
        if isinstance(pairs, tuple):
            told = dict(pairs)
            for name in ("x-a", "x-b"):
                value = memory.property(stop, f"request.headers.{name}")
                assert value == told.get(name.encode()), (stop.number, name)
                checked += 1
    assert checked > 20


def test_it_does_not_go_beyond_either_end() -> None:
    cursor = Cursor(history(busy()))
    assert not cursor.back()
    assert not cursor.forward(10_000)
    assert cursor.stop.number == len(cursor.history)
    with pytest.raises(SteppingError, match="no step 0, expected one of 1 to"):
        cursor.go(0)


def test_a_condition_that_never_holds_moves_nothing() -> None:
    cursor = Cursor(history(busy()))
    cursor.go(5)
    assert not cursor.until([lambda stop: False])
    assert cursor.stop.number == 5


def test_to_finish_is_to_go_to_the_end_of_the_callback_that_runs() -> None:
    cursor = Cursor(history(busy()))
    assert cursor.until([lambda stop: stop.event.name == "proxy_set_shared_data"])
    running = cursor.running()
    assert running is not None
    assert running.event.name == "proxy_on_request_headers"
    assert cursor.finish()
    assert cursor.stop.kind is Kind.RETURN
    assert cursor.stop.event is running.event
    assert cursor.callback(backwards=True)
    assert cursor.stop is running
