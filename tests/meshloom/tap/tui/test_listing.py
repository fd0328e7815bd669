"""The list: matched, in order, held, and never with what is gone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshloom.tap.tui.listing import ORDERS, Listing
from meshloom.tap.tui.memory import Memory
from tap.language.match import compile_match
from tests.meshloom.tap.tui.feed import exchange


def listing(count: int = 0, most: int = 1_000) -> Listing:
    made = Listing(Memory(most))
    for number in range(count):
        made.add(exchange(number))
    return made


def numbers(shown: Listing) -> list[int]:
    """From the top down."""
    return [shown[at][1] for at in range(len(shown))]


def finish(shown: Listing) -> None:
    while shown.step(7):
        pass


def test_the_newest_is_at_the_bottom_and_the_slowest_at_the_top() -> None:
    shown = listing(5)
    assert numbers(shown) == [0, 1, 2, 3, 4]
    shown.sort("took", falling=True)
    times = [shown.memory[number].duration or 0 for number in numbers(shown)]
    assert times == sorted(times, reverse=True)
    shown.add(exchange(9, duration=7.0))
    shown.add(exchange(8, duration=None))
    assert (numbers(shown)[0], numbers(shown)[-1]) == (5, 6)


def test_a_late_one_is_put_in_its_place() -> None:
    shown = listing()
    for number in (2, 0, 1):
        shown.add(exchange(number))
    assert [shown.memory[number].id for number in numbers(shown)] == ["0000", "0001", "0002"]


def test_a_filter_looks_at_everything_the_newest_first_in_steps() -> None:
    shown = listing(60)
    shown.match(compile_match("status == 503"))
    assert (len(shown), shown.unmatched) == (0, 60)
    assert shown.step(10)
    assert (numbers(shown), shown.unmatched) == ([53, 59], 50)
    shown.add(exchange(65))
    finish(shown)
    assert [shown.memory[number].status for number in numbers(shown)] == [503] * 11
    assert shown.unmatched == 0


def test_a_held_list_stays_and_counts_what_waits() -> None:
    shown = listing(3)
    shown.hold()
    for number in (3, 4):
        shown.add(exchange(number))
    assert (numbers(shown), shown.waiting) == ([0, 1, 2], 2)
    shown.match(compile_match("~all"))
    finish(shown)
    assert numbers(shown) == [0, 1, 2]
    shown.resume()
    finish(shown)
    assert (numbers(shown), shown.waiting) == ([0, 1, 2, 3, 4], 0)


def test_what_the_memory_forgets_leaves_a_held_list_too() -> None:
    shown = listing(4, most=4)
    shown.hold()
    for number in range(4, 6):
        shown.add(exchange(number))
    assert (numbers(shown), shown.waiting) == ([2, 3], 2)
    for number in range(6, 20):
        shown.add(exchange(number))
    assert (numbers(shown), shown.waiting) == ([], 4)


def test_a_filter_does_not_look_at_what_went_while_it_worked() -> None:
    shown = listing(10, most=10)
    shown.match(compile_match("~all"))
    for number in range(10, 18):
        shown.add(exchange(number))
    assert shown.unmatched == 2
    finish(shown)
    assert numbers(shown) == list(range(8, 18))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("falling", [True, False])
def test_every_row_is_where_it_is_said_to_be(order: str, falling: bool) -> None:
    shown = listing(50)
    shown.sort(order, falling)
    assert sorted(numbers(shown)) == list(range(50))
    for at in range(50):
        row = shown[at]
        assert (shown.at(row), shown.has(row)) == (at, True)
        assert shown.row_of(row[1], shown.memory[row[1]]) == row


def test_the_place_of_a_row_that_is_not_there_is_beside_its_neighbours() -> None:
    shown = listing(10)
    row = shown[4]
    shown.match(compile_match("!~u /4$"))
    finish(shown)
    assert not shown.has(row)
    assert shown.at(row) == 4
    assert listing().at(row) == 0


@given(st.lists(st.sampled_from(["add", "hold", "resume", "filter", "all", "step", "sort"])))
def test_whatever_happens_the_list_is_what_matches_in_order(steps: list[str]) -> None:
    shown, came, wanted = listing(most=8), 0, compile_match("")
    for step in steps:
        if step == "add":
            shown.add(exchange(came))
            came += 1
        elif step in ("filter", "all"):
            wanted = compile_match("status < 300" if step == "filter" else "")
            shown.match(wanted)
        elif step == "sort":
            shown.sort("took" if shown.order == "time" else "time", falling=bool(came % 2))
        elif step == "step":
            shown.step(3)
        else:
            getattr(shown, step)()
    shown.resume()
    finish(shown)
    memory = shown.memory
    expected = [n for n in range(memory.first, memory.next) if wanted(memory[n])]
    assert sorted(numbers(shown)) == expected
    keys = [ORDERS[shown.order].key(memory[number]) for number in numbers(shown)]
    assert keys == sorted(keys, reverse=shown.falling)
