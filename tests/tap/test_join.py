"""Which halves belong together, and what becomes of those that stay alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Body, Endpoint, Exchange, Request, Response
from tap.join import MAX_WAITING, WAIT, Joiner


def half(source: str, id_: str, started: float, client: str = "a:1", ask: str = "r") -> Exchange:
    route = "all" if source == "access log" else ""
    return Exchange(
        id_,
        "n",
        Request(path="/rewritten" if source == "tap" else "/asked"),
        Response(200, body=Body(id_.encode() if source == "tap" else b"")),
        request_id=ask,
        source=Endpoint(address=client),
        started=started,
        route=route,
        sources=(source,),
    )


def said(exchange: Exchange) -> str:
    assert exchange.response is not None
    return exchange.response.body.text


def test_two_halves_are_one_exchange_whoever_comes_first() -> None:
    for first, second in (("tap", "access log"), ("access log", "tap")):
        joiner = Joiner()
        assert joiner.receive(half(first, "1", 5.0), 6.0) == []
        (one,) = joiner.receive(half(second, "2", 5.0), 6.1)
        assert one.id == "1"
        assert one.route == "all"
        assert (one.request.path, said(one)) == ("/asked", "1" if first == "tap" else "2")
        assert one.sources == ("tap", "access log")
        assert len(joiner) == 0


def test_two_of_one_source_are_two_exchanges() -> None:
    joiner = Joiner()
    assert joiner.receive(half("tap", "1", 5.0), 6.0) == []
    assert joiner.receive(half("tap", "2", 5.0), 6.0) == []
    assert len(joiner) == 2


def test_tries_of_one_request_over_one_connection_are_told_apart_by_their_start() -> None:
    joiner = Joiner()
    joiner.receive(half("tap", "early", 5.0), 6.0)
    joiner.receive(half("tap", "late", 5.5), 6.0)
    (one,) = joiner.receive(half("access log", "x", 5.499), 6.0)
    (two,) = joiner.receive(half("access log", "y", 4.999), 6.0)
    assert (said(one), said(two)) == ("late", "early")


def test_a_half_goes_alone_when_its_time_is_up_and_a_late_one_is_counted() -> None:
    joiner = Joiner()
    joiner.receive(half("access log", "1", 5.0), 6.0)
    assert joiner.tick(6.0 + WAIT - 0.01) == []
    (alone,) = joiner.tick(6.0 + WAIT)
    assert alone.sources == ("access log",)
    assert joiner.receive(half("tap", "2", 5.0), 8.0) == []
    assert joiner.late == 1


def test_beyond_the_bound_the_oldest_goes_alone() -> None:
    joiner = Joiner()
    for number in range(MAX_WAITING):
        assert joiner.receive(half("tap", str(number), 5.0, ask=str(number)), 6.0) == []
    (oldest,) = joiner.receive(half("tap", "more", 5.0, ask="more"), 6.0)
    assert oldest.id == "0"
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
    halves = sum(len(one.sources) for one in out)
    assert halves <= len(given_events)
    assert len({one.id for one in out}) == len(out)
    bodies = [one for one in out if "tap" in one.sources]
    sent = sum(source == "tap" for source, *_ in given_events)
    assert len(bodies) + joiner.late == sent
