"""What the application remembers, within its bounds."""

from __future__ import annotations

import tracemalloc

import pytest

from mesh_traffic import Headers, Request, Trace, replace
from meshloom.tap.tui.memory import Memory, weight
from tap.live.wire import decode, encode
from tests.meshloom.tap.tui.feed import exchange


def test_the_newest_stay_and_what_went_is_counted() -> None:
    memory = Memory(most=3)
    gone = [memory.add(exchange(number)) for number in range(5)]
    assert [[one.id for one in each] for each in gone] == [[], [], [], ["0000"], ["0001"]]
    assert (memory.first, memory.next, len(memory)) == (2, 5, 3)
    assert memory[2].id == "0002"
    with pytest.raises(IndexError, match="exchange 1 is gone"):
        memory[1]


def test_bytes_are_bounded_but_the_last_one_always_stays() -> None:
    one = weight(exchange(0))
    memory = Memory(most_bytes=4 * one)
    for number in range(100):
        memory.add(exchange(number))
    assert memory.bytes <= 4 * one
    assert len(memory) in (3, 4)
    small = Memory(most_bytes=1)
    small.add(exchange(0))
    assert [one.id for one in small.add(exchange(1))] == ["0000"]
    assert len(small) == 1


def test_what_an_exchange_weighs_is_what_it_takes() -> None:
    lines = [encode(exchange(number)) for number in range(500)]
    tracemalloc.start()
    try:
        kept = [decode(line) for line in lines]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    counted = sum(weight(exchange(number)) for number in range(len(kept)))
    assert 0.7 < counted / taken < 1.6


def test_those_of_one_request_are_found_with_their_numbers() -> None:
    memory = Memory()
    for number in range(9):
        memory.add(exchange(number))
    assert [number for number, _ in memory.of_request(memory[3])] == [3, 4, 5]


def test_those_in_its_trace_are_of_the_same_request() -> None:
    memory = Memory()
    headers = Headers.of({"traceparent": f"00-{7:032x}-{8:016x}-01"})
    captured = replace(exchange(0), request_id="", request=Request(headers=headers))
    told = replace(exchange(1), request_id="r", trace=Trace(f"{7:032x}", f"{8:016x}"))
    for one in (captured, told, replace(exchange(2), request_id="")):
        memory.add(one)
    assert [number for number, _ in memory.of_request(captured)] == [0, 1]
    assert [number for number, _ in memory.of_request(memory[2])] == [2]
