"""Traces and a topology in, exchanges out."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from mesh_traffic import Body, Endpoint, Exchange, Headers
from tap.assemble import Assembler
from tap.topology import Endpoint as Answering
from tap.topology import Listener, Topology
from tap.traces.decode import BufferedTrace, Decoder, Message
from tap.traces.streamed import Streams

DATA = Path(__file__).parent / "data"
TOPOLOGY = Topology(
    {
        "127.0.0.1:15001": Listener("web-1", "outbound", "web", "v1"),
        "127.0.0.1:15006": Listener("web-1", "inbound", "web", "v1"),
        "127.0.0.1:8080": Listener("ingress", "ingress"),
    },
    {"127.0.0.1:9081": Answering("reviews", "v2")},
)
ASKED = Message(
    Headers.of({":method": "GET", ":path": "/a", ":authority": "reviews:9080"}), time=10.0
)
ANSWERED = Message(Headers.of({":status": "200", "content-length": "2"}), Body(b"ok"), time=10.25)


def assemble(listener: str, upstream: str, response: Message | None = ANSWERED) -> Exchange:
    assembler = Assembler("web-1", TOPOLOGY, map(str, count(7)))
    trace = BufferedTrace(ASKED, response, listener, "127.0.0.1:50000", upstream)
    return assembler.exchange(trace, now=99.0)


def test_an_outbound_request_comes_from_the_owner_of_its_listener() -> None:
    exchange = assemble("127.0.0.1:15001", "127.0.0.1:9081")
    assert (exchange.id, exchange.node, exchange.direction) == ("7", "web-1", "outbound")
    assert exchange.source == Endpoint("web", "v1", "127.0.0.1:50000")
    assert exchange.destination == Endpoint("reviews", "v2", "127.0.0.1:9081")
    assert (exchange.started, exchange.duration) == (10.0, 0.25)


@pytest.mark.parametrize(
    ("listener", "upstream", "direction", "source", "destination"),
    [
        ("127.0.0.1:15006", "127.0.0.1:9", "inbound", "", "web v1"),
        ("127.0.0.1:8080", "127.0.0.1:9081", "ingress", "", "reviews v2"),
        ("127.0.0.1:15001", "", "outbound", "web", "reviews"),  # no upstream: the host tells
        ("127.0.0.1:15001", "127.0.0.1:9", "outbound", "web", "reviews"),
        ("127.0.0.1:1", "", "", "", "reviews"),
    ],
)
def test_what_is_known_of_both_sides(
    listener: str, upstream: str, direction: str, source: str, destination: str
) -> None:
    exchange = assemble(listener, upstream)
    assert exchange.direction == direction
    assert exchange.source.service == source
    assert str(exchange.destination) == destination


def test_a_request_without_response_has_no_duration() -> None:
    exchange = assemble("127.0.0.1:15001", "", None)
    assert (exchange.response, exchange.duration) == (None, None)


def test_a_streamed_request_is_the_same_but_for_addresses_and_times() -> None:
    buffered, streamed = (replay(name) for name in ("buffered", "streamed"))
    assert [one.request.path for one in streamed] == ["/a", "/b", "/no-host"]
    for one, other in zip(buffered, streamed, strict=True):
        assert one.request.body == other.request.body
        assert one.response is not None
        assert other.response is not None
        assert one.response.status == other.response.status
        assert one.response.body == other.response.body
        assert one.flags == other.flags
    assert streamed[0].started == 5.0
    assert (streamed[0].direction, streamed[0].destination.address) == ("", "127.0.0.1:15001")


def replay(name: str) -> list[Exchange]:
    assembler, streams = Assembler("web-1", TOPOLOGY, map(str, count())), Streams()
    traces = Decoder().feed((DATA / f"{name}.traces").read_bytes())
    return [
        assembler.exchange(whole, now=5.0)
        for trace in traces
        for whole in streams.receive(trace, now=5.0)
    ]
