"""From an Envoy's bytes to exchanges that may be shown."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from mesh_traffic import Exchange
from tap.live.feed import Feed
from tap.live.wire import encode
from tap.redact import Redactor
from tap.topology import Endpoint, Topology
from tap.traces.request import ANY, HeaderIs, Rule
from tests.tap.halves import entry

DATA = Path(__file__).parents[1] / "data"
TOPOLOGY = Topology({}, {"127.0.0.1:41593": Endpoint("reviews", "v2")})


def feed() -> Feed:
    return Feed("web-1", Topology(), map("{:04x}".format, count(1)), Redactor())


def lost(feed: Feed) -> int:
    return sum(count.lost for count in feed.counts.values())


def secrets(exchanges: list[Exchange]) -> int:
    return sum(encode(one).count(b"s3cr3t-cookie") for one in exchanges)


def test_recorded_bytes_become_redacted_exchanges() -> None:
    exchanges = feed().receive((DATA / "buffered.traces").read_bytes(), now=1.0)
    assert [one.id for one in exchanges] == ["0001", "0002", "0003"]
    assert [one.request.path for one in exchanges] == ["/a", "/b", "/no-host"]
    assert secrets(exchanges) == 0


def test_a_topology_learned_later_holds_from_then_on() -> None:
    learning = feed()
    learning.learn(TOPOLOGY)
    first = learning.receive((DATA / "buffered.traces").read_bytes(), now=1.0)[0]
    assert (first.destination.service, first.destination.version) == ("reviews", "v2")


def test_what_a_lost_source_left_is_given_out_and_what_was_cut_is_counted() -> None:
    cut = feed()
    data = (DATA / "streamed.traces").read_bytes()
    end = data.index(b"response_body_chunk")
    assert cut.receive(data[:end], now=1.0) == []
    (left,) = cut.cut(now=2.0)
    assert left.request.path == "/a"
    assert secrets([left]) == 0
    assert lost(cut) == 1


def test_silent_streams_come_with_a_tick() -> None:
    silent = feed()
    data = (DATA / "streamed.traces").read_bytes()
    silent.receive(data[: data.index(b"\n}\n") + 3], now=1.0)
    assert silent.tick(now=61.0) == []
    assert len(silent.tick(now=61.1)) == 1
    assert lost(silent) == 0


def joining(match: Rule = ANY) -> Feed:
    """One that both sources tell, of which the tap is asked for ``match`` since 10.0."""
    both = Feed("web-1", Topology(), map(str, count()), Redactor(), logged=True)
    both.tapped = True
    both.ask(match, 10.0)
    return both


def test_an_entry_waits_only_where_there_may_be_a_trace() -> None:
    narrow = joining(HeaderIs(":path", "/a"))
    assert narrow.log([entry("/a", 11.0)], now=11.2) == []
    (other,) = narrow.log([entry("/b", 11.0, ask="s")], now=11.2)
    assert other.request.path == "/b"
    (before,) = narrow.log([entry("/a", 9.7, ask="t")], now=11.2)
    assert before.started == 9.7
    assert narrow.waiting == 1


def test_an_entry_may_come_before_we_hear_that_its_tap_is_there() -> None:
    early = Feed("web-1", Topology(), map(str, count()), Redactor(), logged=True)
    (before,) = early.log([entry("/a", 10.0)], now=10.2)  # nobody asked for a tap
    early.ask(ANY, 11.0)
    assert early.log([entry("/b", 11.1, ask="s")], now=11.2) == []
    (refused,) = early.cut(now=11.3)  # there will be none
    (after,) = early.log([entry("/c", 11.4, ask="t")], now=11.5)
    assert [one.request.path for one in (before, refused, after)] == ["/a", "/b", "/c"]


def test_how_far_behind_it_is_is_told_by_the_ends_of_requests_once() -> None:
    late = joining(HeaderIs(":path", "/a"))
    late.log([entry("/b", 20.0)], now=23.1)  # it took 0.1 s
    assert late.take_behind() == pytest.approx(3.0)
    assert late.take_behind() == 0.0
