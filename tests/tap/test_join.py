"""Which halves belong together, and what becomes of those that stay alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Headers
from tap.access_log import Entry
from tap.join import MAX_WAITING, WAIT, Half, Joined, Joiner, Seen
from tap.traces.decode import BufferedTrace, Message
from tests.tap.halves import entry, trace


def half(source: str, *told: object) -> Half:
    return {"tap": trace, "access log": entry}[source](*told)


def name(half: Half) -> str:
    """What its test calls it."""
    if isinstance(half, Entry):
        return half.request.path
    assert half.request is not None
    return half.request.value("x-name")


def names(seen: Seen) -> tuple[str, ...]:
    return tuple(map(name, seen)) if isinstance(seen, Joined) else (name(seen),)


def test_two_halves_are_one_whoever_comes_first() -> None:
    for first, second in ((trace, entry), (entry, trace)):
        joiner = Joiner()
        assert joiner.receive(first("1", 5.0), 6.0) == []
        (one,) = joiner.receive(second("2", 5.0), 6.1)
        assert isinstance(one, Joined)
        assert sorted(names(one)) == ["1", "2"]
        assert len(joiner) == 0


def test_where_the_other_source_is_gone_nothing_waits_and_no_half_comes_twice() -> None:
    joiner = Joiner()
    joiner.receive(trace("1", 5.0), 6.0)
    assert [names(one) for one in joiner.flush()] == [("1",)]  # its tap has ended
    assert joiner.remembers
    assert joiner.receive(entry("1", 5.0), 6.1, waits=False) == []
    (other,) = joiner.receive(entry("2", 5.5, ask="other"), 6.1, waits=False)
    assert names(other) == ("2",)
    assert (len(joiner), joiner.remembers, joiner.late) == (0, False, 0)


def test_two_of_one_source_are_two() -> None:
    joiner = Joiner()
    assert joiner.receive(trace("1", 5.0), 6.0) == []
    assert joiner.receive(trace("2", 5.0), 6.0) == []
    assert len(joiner) == 2


def test_tries_of_one_request_over_one_connection_are_told_apart_by_their_start() -> None:
    joiner = Joiner()
    joiner.receive(trace("early", 5.0), 6.0)
    joiner.receive(trace("late", 5.5), 6.0)
    (one,) = joiner.receive(entry("x", 5.499), 6.0)
    (two,) = joiner.receive(entry("y", 4.999), 6.0)
    assert (names(one), names(two)) == (("late", "x"), ("early", "y"))


def test_a_trace_without_addresses_belongs_to_what_was_asked_and_answered_alike() -> None:
    joiner = Joiner()
    joiner.receive(entry("of another request", 5.0, ask="other"), 6.0)
    joiner.receive(entry("the first hop", 5.0, "a:1"), 6.0)
    joiner.receive(entry("the second hop", 5.2, "b:1"), 6.0)
    (one,) = joiner.receive(trace("second", 5.21, client=""), 6.0)
    (two,) = joiner.receive(trace("first", 5.01, client=""), 6.0)
    assert (names(one), names(two)) == (("second", "the second hop"), ("first", "the first hop"))
    failed = BufferedTrace(trace("", 5.0).request, Message(Headers.of({":status": "503"})))
    joiner.receive(entry("was fine", 5.0), 6.0)
    assert joiner.receive(failed, 6.0) == []


def test_a_half_goes_alone_when_its_time_is_up_and_a_late_one_is_counted() -> None:
    joiner = Joiner()
    joiner.receive(entry("1", 5.0), 6.0)
    assert joiner.tick(6.0 + WAIT - 0.01) == []
    (alone,) = joiner.tick(6.0 + WAIT)
    assert names(alone) == ("1",)
    assert joiner.receive(trace("2", 5.0), 8.0) == []
    assert joiner.late == 1


def test_beyond_the_bound_the_oldest_goes_alone() -> None:
    joiner = Joiner()
    for number in range(MAX_WAITING):
        assert joiner.receive(trace(str(number), 5.0, ask=str(number)), 6.0) == []
    (oldest,) = joiner.receive(trace("more", 5.0, ask="more"), 6.0)
    assert names(oldest) == ("0",)
    assert len(joiner) == MAX_WAITING


events = st.lists(
    st.tuples(
        st.sampled_from(("tap", "access log")),
        st.sampled_from("ab"),
        st.sampled_from("xy"),
        st.floats(0, 1),
    ),
    max_size=30,
)


@given(events)
def test_nothing_is_lost_and_nothing_is_given_out_twice(given_events: list[tuple]) -> None:
    joiner, out, now = Joiner(), [], 0.0
    for number, (source, client, ask, pause) in enumerate(given_events):
        now += pause
        out += joiner.tick(now)
        out += joiner.receive(half(source, str(number), now, client, ask), now)
    out += joiner.flush()
    assert len(joiner) == 0
    told = [each for one in out for each in names(one)]
    assert len(set(told)) == len(told) <= len(given_events)
    traces = {str(n) for n, (source, *_) in enumerate(given_events) if source == "tap"}
    assert len(traces & set(told)) + joiner.late == len(traces)
