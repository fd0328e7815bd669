"""What the application knows: coverage, filters, the selected exchange and its request."""

from __future__ import annotations

from meshloom.tap.tui.memory import Memory
from meshloom.tap.tui.session import Session
from tap.lines import tree
from tap.live.coverage import Coverage
from tap.live.viewer import NOT_YET
from tests.meshloom.tap.tui.feed import exchange


def session(count: int = 0, most: int = 1_000, **more: object) -> Session:
    made = Session(Memory(most), **more)  # type: ignore[arg-type]
    for number in range(count):
        made.receive(exchange(number))
    return made


def test_coverage_is_the_hubs_and_what_came_since() -> None:
    knows = session()
    assert knows.coverage() == "connecting"
    knows.receive(Coverage(3, 4, seen=9, shown=2, lost=1, reduced=5))
    knows.receive(exchange(0))
    assert knows.coverage() == (
        "watching 3 of 4 Envoys   9 seen   1 shown   1 lost   5 without headers or bodies"
    )
    assert not knows.complete


def test_what_is_too_old_to_keep_is_told() -> None:
    knows = session(12, most=10)
    knows.receive(Coverage(1, 1, seen=3))
    assert knows.coverage() == "watching 1 Envoy   12 seen   12 shown   0 lost   2 too old to keep"
    assert not knows.complete
    few = session(2)
    few.receive(Coverage(1, 1))
    assert few.complete


def test_notes_tell_the_end_and_who_is_not_watched() -> None:
    knows = session(notes=["not seen: \x1b[31mgreeter"])
    knows.receive(Coverage(0, 2, notes=("web-1: refused", f"web-2: {NOT_YET}")))
    knows.ended = "the mesh has ended"
    assert knows.notes() == ["the mesh has ended", "web-1: refused", r"not seen: \x1b[31mgreeter"]


def test_a_wrong_filter_says_where_and_keeps_the_last_good_one() -> None:
    knows = session(12)
    knows.match("status == 503")
    knows.work(lambda: True)
    assert len(knows.listing) == 2
    knows.match("status == 503 &")
    assert knows.wrong is not None
    assert knows.wrong.column == 15
    assert (knows.filter, len(knows.listing)) == ("status == 503", 2)
    knows.match("")
    knows.work(lambda: True)
    assert (knows.wrong, len(knows.listing)) == (None, 12)


def test_filtering_stops_when_its_time_is_over() -> None:
    knows = session(1_000)
    knows.match("~all")
    knows.work(lambda: False)
    assert 0 < knows.listing.unmatched < 1_000


def test_sorting_by_the_same_again_turns_it_round() -> None:
    knows = session(3)
    knows.sort("took")
    assert knows.listing.falling
    knows.sort("took")
    assert not knows.listing.falling


def test_selecting_holds_the_list_and_following_lets_go() -> None:
    knows = session(3)
    knows.select(99)
    assert knows.selected is not None
    assert (knows.selected.number, knows.listing.held) == (2, 3)
    knows.resume()
    assert (knows.selected, knows.listing.held) == (None, None)
    empty = session()
    empty.select(0)
    assert empty.selected is None


def test_the_selected_one_stays_known_when_it_is_gone() -> None:
    knows = session(3, most=3)
    knows.select(0)
    for number in range(3, 9):
        knows.receive(exchange(number))
    assert knows.selected is not None
    assert knows.selected.exchange.id == "0000"
    assert knows.row() is not None


def test_going_to_another_one_tells_what_hides_it() -> None:
    knows = session(12, most=10)
    assert knows.go_to(4) == ""
    assert knows.go_to(1) == "that one is too old to keep, and gone"
    knows.match("status == 503")
    knows.work(lambda: True)
    assert knows.go_to(4) == "not in the list: the filter hides it, or it waits"
    assert knows.selected is not None
    assert knows.selected.number == 4


def test_a_request_is_the_tree_of_its_exchanges_that_are_here() -> None:
    knows = session(12)
    assert knows.tree() == ([], [])
    knows.go_to(4)
    roots, numbers = knows.tree()
    assert numbers == [3, 4, 5]
    assert [line.rsplit(" ", 1)[1] for line in tree(roots)] == ["0003", "0004", "0005"]
    knows.receive(exchange(99, request_id=""))
    knows.go_to(12)
    assert knows.tree() == ([], [])
