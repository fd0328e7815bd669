"""Connections of one Envoy → exchanges, and their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.sockets import assemble
from tap.sockets.connection import CLOSED, CUT_OFF
from tap.sockets.traces import SocketEvent, SocketTrace
from tap.topology import Endpoint, Topology
from tests.tap.sockets.speaking import LOCAL, REMOTE, TOPOLOGY, begin, events, sockets, tell
from tests.tap.sockets.test_http1 import GET, OK

ASK = GET.replace(b"X-Plan: team", b"X-Request-Id: r1")


def test_an_exchange_says_who_asked_whom_when_and_by_which_source() -> None:
    of = sockets()
    assert of.receive(begin(), TOPOLOGY, 99.0) == []
    (one,) = tell(of, events((">", ASK), ("<", OK)))
    assert (one.id, one.node, one.direction, one.sources) == (
        "0001",
        "n",
        "inbound",
        ("socket tap",),
    )
    assert (one.source.address, str(one.destination)) == (REMOTE, "reviews v1")
    assert (one.request.authority, one.request_id) == ("reviews", "r1")
    assert (one.started, one.duration) == (1.0, 1.0)
    assert (one.timing.asked, one.timing.ended) == (0.0, 1.0)
    assert (one.status, one.upstream_local) == (200, "")


def test_of_a_connection_that_envoy_made_it_is_the_client() -> None:
    of, topology = sockets(), Topology(endpoints={REMOTE: Endpoint("ratings", "v2")})
    of.receive(SocketTrace("7", "", REMOTE), topology, 99.0)
    asked, answered = SocketEvent("write", ASK, 1.0, 1), SocketEvent("read", OK, 3.0, 1 + len(ASK))
    of.receive(SocketTrace("7", LOCAL, REMOTE, (asked,)), topology, 99.0)
    (one,) = of.receive(SocketTrace("7", LOCAL, REMOTE, (answered,)), topology, 99.0)
    assert (one.source.address, one.upstream_local) == (LOCAL, LOCAL)
    assert (str(one.destination), one.destination.address) == ("ratings v2", REMOTE)
    assert (one.timing.sent, one.timing.answered, one.timing.asked) == (0.0, 2.0, None)


def test_bytes_that_are_no_http_are_one_exchange_without_a_method() -> None:
    of = sockets(keep=4)
    of.receive(begin(), TOPOLOGY, 99.0)
    (one,) = tell(of, events((">", b"hello"), ("<", b"back"), ("x", b"")))
    assert (one.request.method, one.request.path, one.status) == ("", "", 0)
    assert (one.request.body.data, one.request.body.size) == (b"hell", 5)
    assert one.response is not None
    assert (one.response.body.data, one.response.body.truncated) == (b"back", False)
    assert len(of) == 0


def test_a_buffered_trace_is_a_whole_connection() -> None:
    of = sockets()
    trace = SocketTrace("7", LOCAL, REMOTE, tuple(events((">", GET), ("<", OK), (">", GET))), True)
    first, second = of.receive(trace, TOPOLOGY, 99.0)
    assert (first.status, second.response, second.details) == (200, None, CUT_OFF)
    assert (len(of), of.lost) == (0, 0)


def test_a_connection_whose_beginning_was_not_seen_is_counted_and_taken_up() -> None:
    of = sockets()
    found = tell(of, events(("<", b"rest"), (">", GET), ("<", OK), ("x", b""))[1:])
    assert ([one.status for one in found], of.lost, len(of)) == ([200], 1, 0)


def test_a_trace_id_that_begins_again_is_another_connection() -> None:
    of = sockets()
    of.receive(begin(), TOPOLOGY, 99.0)
    tell(of, events((">", GET)))
    (left,) = of.receive(begin(), TOPOLOGY, 99.0)
    assert left.details == CUT_OFF
    (one,) = tell(of, events((">", GET), ("<", OK)))
    assert (one.status, of.lost) == (200, 0)


def test_connections_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "MAX_CONNECTIONS", 2)
    of = sockets()
    for name in "abc":
        of.receive(begin(name), TOPOLOGY, 99.0)
        tell(of, events((">", GET)), name)
    assert (len(of), of.lost) == (2, 1)


def test_what_waits_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "MAX_HELD", 1000)
    of = sockets()
    for name in "ab":
        of.receive(begin(name), TOPOLOGY, 99.0)
    assert tell(of, events((">", b"a" * 600 + b"\n")), "a") == []
    (one,) = tell(of, events((">", b"b" * 600 + b"\n")), "b")
    assert (one.request.body.data[:1], one.details, len(of), of.lost) == (b"a", "", 1, 1)
    assert len(tell(of, [SocketEvent("closed", b"", 2.0, 603)], "b")) == 1


def test_all_that_is_pending_can_be_given_out() -> None:
    of = sockets()
    of.receive(begin(), TOPOLOGY, 99.0)
    tell(of, events((">", GET)))
    assert [one.details for one in of.flush(TOPOLOGY)] == [CUT_OFF]
    assert (len(of), of.lost) == (0, 0)


def test_a_client_that_hangs_up_is_an_exchange_without_a_response() -> None:
    of = sockets()
    of.receive(begin(), TOPOLOGY, 99.0)
    (one,) = tell(of, events((">", GET), ("x", b"")))
    assert (one.response, one.duration, one.details) == (None, None, CLOSED)


EVENT = st.builds(
    SocketEvent,
    st.sampled_from(("read", "write", "closed")),
    st.sampled_from((GET, OK, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"x")) | st.binary(max_size=30),
    st.none() | st.floats(0, 9),
    st.sampled_from((0, 1, 2, 50, 1 << 63)),
    st.booleans(),
)
TRACE = st.builds(
    SocketTrace,
    st.sampled_from(("1", "2")),
    st.sampled_from(("", LOCAL)),
    st.sampled_from(("", REMOTE)),
    st.lists(EVENT, max_size=5).map(tuple),
    st.booleans(),
)


@given(st.lists(TRACE, max_size=6))
def test_any_traces_are_exchanges_and_nothing_stays(traces: list[SocketTrace]) -> None:
    of = sockets(keep=100)
    for trace in traces:
        of.receive(trace, TOPOLOGY, 5.0)
    of.flush(TOPOLOGY)
    assert (len(of), of.held) == (0, 0)
