"""The guest's memory at any stop, by running up to there once more."""

from __future__ import annotations

import pytest

from debugger.stepping.run import memory as module
from debugger.stepping.run.history import SteppingError
from debugger.stepping.run.memory import MAX_RANGE, Memory
from tests.debugger.stepping.runs import busy, history, hostcalls
from tests.wasm_filters.guests import guest, on_request_headers

PAGE = 65536
WRITES = guest(
    on_request_headers(
        """(i32.store (i32.const 512) (i32.const 1)) (call $log)
           (i32.store (i32.const 512) (i32.const 2)) (call $log)
           (drop (memory.grow (i32.const 1)))
           (i32.store (i32.const 65536) (i32.const 3)) (call $log)"""
    ),
    "(func $log (drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 1))))",
    imports='(import "env" "proxy_log" (func $proxy_log (param i32 i32 i32) (result i32)))',
)


def test_memory_is_as_it_was_at_that_stop() -> None:
    found = history(WRITES, times=2)
    memory = Memory(found)
    read = [memory.read(stop, 512, 4)[0] for stop in hostcalls(found)]
    assert read == [1, 2, 2, 1, 2, 2]


def test_memory_ends_where_it_ended_then() -> None:
    found = history(WRITES)
    memory, (before, _, after) = Memory(found), hostcalls(found)
    with pytest.raises(SteppingError, match="address 0x10000 is outside of the memory"):
        memory.read(before, PAGE, 4)
    assert memory.read(after, PAGE, 4) == b"\3\0\0\0"
    assert len(memory.read(before, PAGE - 2, 10)) == 2


def test_watched_memory_is_what_would_be_read_at_every_stop() -> None:
    found = history(WRITES, times=2)
    memory = Memory(found)
    watched = memory.watched(1, 512, 4)
    for stop in found.stops:
        assert watched.at(stop.number) == memory.read(stop, 512, 4)
    changed = [stop.number for stop in found.stops if watched.changed(stop)]
    assert len(changed) == 4
    assert changed[0] == hostcalls(found)[0].number


def test_too_many_values_of_watched_memory_are_left_out_and_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 8)
    watched = Memory(history(WRITES, times=2)).watched(1, 512, 4)
    assert watched.full_from is not None
    assert watched.at(watched.full_from) == b""
    assert watched.at(watched.full_from - 1) != b""


@pytest.mark.parametrize(("address", "size"), [(0, 0), (0, MAX_RANGE + 1), (-1, 4), (1 << 32, 4)])
def test_a_range_that_can_not_be_is_refused(address: int, size: int) -> None:
    found = history(WRITES)
    with pytest.raises(SteppingError, match="expected"):
        Memory(found).read(found.stops[0], address, size)


def test_a_property_that_nobody_asked_for_is_what_the_filter_would_get() -> None:
    found = history(busy())
    stop = next(one for one in found.stops if one.event.name == "proxy_log")
    memory = Memory(found)
    assert memory.property(stop, "request.method") == b"POST"
    assert memory.property(stop, "mine") == b"kept"
    assert memory.property(stop, "no.such") is None
    with pytest.raises(SteppingError, match="property request: it has no bytes"):
        memory.property(stop, "request")
