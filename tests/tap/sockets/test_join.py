"""What sockets saw and what the access log says of it is one exchange."""

from __future__ import annotations

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, replace
from tap.sockets import join
from tap.sockets.join import WAIT, SocketJoiner
from tests.tap.exchanges import sample

CLIENT, OWN = "127.0.0.1:40000", "127.0.0.1:50000"
ENTRY = sample(
    sources=("access log",),
    request=Request(
        "POST", "/reviews/1?full=1", "reviews", "https", Headers(), Body(b"", True, 10)
    ),
    response=Response(503, Headers(), Body(b"", True, 4096)),
)
TAKEN = sample(
    sources=("socket tap",), id="t", route="", cluster="", upstream_local="", flags=(), attempts=0
)
MADE = replace(TAKEN, id="m", source=Endpoint("", "", OWN), upstream_local=OWN)


def other(exchange: Exchange, name: str) -> Exchange:
    return replace(exchange, request_id=name)


def test_whoever_comes_first_waits_and_the_client_side_is_taken() -> None:
    for order in ((TAKEN, ENTRY), (ENTRY, TAKEN)):
        joiner = SocketJoiner()
        assert joiner.receive(order[0], 0.0) == []
        assert len(joiner) == 1
        (one,) = joiner.receive(order[1], 0.1)
        assert (one.sources, one.route) == (("socket tap", "access log"), "reviews-route")
        assert (one.request.headers, one.request.scheme) == (TAKEN.request.headers, "https")
        assert len(joiner) == 0


def test_envoys_own_connection_saw_the_same_request_and_is_not_shown_again() -> None:
    early, late = SocketJoiner(), SocketJoiner()
    assert early.receive(MADE, 0.0) == early.receive(TAKEN, 0.0) == []
    assert [one.id for one in early.receive(ENTRY, 0.0)] == ["t"]
    late.receive(TAKEN, 0.0)
    late.receive(ENTRY, 0.0)
    assert late.receive(MADE, 0.0) == []
    for joiner in (early, late):
        assert (joiner.flush(), len(joiner), joiner.late) == ([], 0, 0)


def test_where_the_clients_side_is_not_tapped_envoys_own_is_taken() -> None:
    joiner = SocketJoiner()
    joiner.receive(MADE, 0.0)
    (one,) = joiner.receive(ENTRY, 0.0)
    assert (one.id, one.source) == ("m", ENTRY.source)


def test_tries_before_the_last_one_are_exchanges_of_their_own() -> None:
    joiner = SocketJoiner()
    for name in ("first", "second", "last"):
        joiner.receive(replace(MADE, id=name), 0.0)
    joiner.receive(TAKEN, 0.0)
    joiner.receive(ENTRY, 0.0)
    assert [one.id for one in joiner.tick(WAIT)] == ["first", "second"]


def test_a_client_that_sends_no_request_id_is_known_by_method_and_path() -> None:
    joiner = SocketJoiner()
    joiner.receive(other(replace(TAKEN, started=TAKEN.started + 1), ""), 0.0)
    joiner.receive(other(replace(TAKEN, id="near"), ""), 0.0)
    (one,) = joiner.receive(ENTRY, 0.0)
    assert (one.id, one.request_id) == ("near", ENTRY.request_id)
    away = replace(TAKEN.request, path="/elsewhere")
    assert joiner.receive(replace(other(TAKEN, ""), request=away), 0.0) == []
    assert len(joiner) == 2


def test_another_connection_or_another_id_is_another_request() -> None:
    joiner = SocketJoiner()
    joiner.receive(ENTRY, 0.0)
    elsewhere = replace(TAKEN, source=replace(TAKEN.source, address="127.0.0.1:1"))
    assert joiner.receive(elsewhere, 0.0) == []
    assert joiner.receive(other(MADE, "x"), 0.0) == []
    assert len(joiner.flush()) == 3


def test_what_no_http_filter_saw_goes_alone() -> None:
    joiner = SocketJoiner()
    opaque = replace(TAKEN, request=Request("", ""), response=Response(0), request_id="")
    assert joiner.receive(opaque, 0.0) == []
    assert joiner.tick(WAIT - 0.1) == []
    assert [one.sources for one in joiner.tick(WAIT)] == [("socket tap",)]


def test_of_broken_http_envoys_answer_and_the_bytes_are_one_exchange() -> None:
    joiner = SocketJoiner()
    bytes_of = Request("", "", body=Body(b"NONSENSE", False, 8))
    joiner.receive(replace(TAKEN, request=bytes_of, response=Response(0), request_id=""), 0.0)
    (one,) = joiner.receive(replace(ENTRY, request=Request("", ""), request_id="r"), 0.0)
    assert (one.request.body.data, one.status, one.flags) == (b"NONSENSE", 503, ENTRY.flags)


def test_a_half_that_comes_when_the_entry_went_alone_is_counted() -> None:
    joiner = SocketJoiner()
    joiner.receive(ENTRY, 0.0)
    assert joiner.tick(WAIT) == [ENTRY]
    assert joiner.receive(TAKEN, 2.0) == []
    assert joiner.late == 1
    joiner.receive(ENTRY, 3.0)
    joiner.tick(3.0 + WAIT)
    assert joiner.receive(other(TAKEN, ""), 5.0) == []
    assert joiner.late == 2


def test_an_entry_that_comes_when_its_connection_was_shown_is_not_another_exchange() -> None:
    joiner = SocketJoiner()
    joiner.receive(other(TAKEN, ""), 0.0)
    assert len(joiner.tick(WAIT)) == 1
    assert joiner.receive(ENTRY, 2.0) == []
    assert (len(joiner), joiner.late) == (0, 0)


def test_a_try_that_was_shown_does_not_stand_for_its_request() -> None:
    joiner = SocketJoiner()
    joiner.receive(MADE, 0.0)
    assert len(joiner.tick(WAIT)) == 1
    joiner.receive(TAKEN, 2.0)
    assert [one.id for one in joiner.receive(ENTRY, 2.0)] == ["t"]


def test_what_waits_is_bounded() -> None:
    joiner = SocketJoiner()
    given = [other(TAKEN, str(number)) for number in range(join.MAX_WAITING + 2)]
    went = [one for each in given for one in joiner.receive(each, 0.0)]
    assert (went, len(joiner)) == (given[:2], join.MAX_WAITING)
