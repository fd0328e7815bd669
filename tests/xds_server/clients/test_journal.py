"""What is remembered of each node, and how much of it."""

from __future__ import annotations

import pytest

from tests.xds_server.playbook import CLUSTER, NODE, ROUTE
from xds_server.clients.journal import MAX_ENTRIES, MAX_NODES, Entry, Journal
from xds_server.events import (
    Acked,
    Current,
    Event,
    Nacked,
    NackRecord,
    Sent,
    StreamClosed,
    StreamOpened,
)
from xds_server.node import NodeInfo

NACK = NackRecord(NODE, ROUTE.type_url, "v2", "no weights", "r", "virtual_hosts[0]", "a.yaml:3:1")


def journal(*events: Event) -> Journal:
    made = Journal()
    for event in events:
        made.record(event)
    return made


def test_what_was_sent_is_kept_with_the_answer_and_the_time_that_it_took() -> None:
    told = journal(
        StreamOpened(NODE, "Delta", 1.0),
        Sent(NODE, CLUSTER, "v1", ("a", "b"), 2.0),
        Acked(NODE, CLUSTER, "v1", 2.25),
        Sent(NODE, ROUTE, "v2", ("r",), 3.0),
        Nacked(NACK, 3.5),
        Current(NODE, CLUSTER, "v3", 4.0),
        StreamClosed(NODE, 5.0, "too fast"),
    )
    assert told.of("node") == (
        Entry(1.0, "opened", text="Delta"),
        Entry(2.0, "sent", "Cluster", "v1", ("a", "b"), 2),
        Entry(2.25, "acked", "Cluster", "v1", milliseconds=250.0),
        Entry(3.0, "sent", "RouteConfiguration", "v2", ("r",), 1),
        Entry(
            3.5, "nacked", "RouteConfiguration", "v2", ("r",), 1, 500.0, "no weights", "a.yaml:3:1"
        ),
        Entry(4.0, "current", "Cluster", "v3"),
        Entry(5.0, "closed", text="too fast"),
    )
    assert told.nodes() == ("node",)
    assert told.of("nobody") == ()


def test_a_new_stream_answers_nothing_of_the_old_one() -> None:
    told = journal(
        Sent(NODE, CLUSTER, "v1", (), 1.0),
        StreamOpened(NODE, "Delta", 2.0, CLUSTER),
        Acked(NODE, CLUSTER, "v1", 3.0),
    )
    assert told.of("node")[-1].milliseconds is None
    assert told.of("node")[1].type == "Cluster"


def test_a_client_that_refuses_for_ever_fills_its_own_pages_only() -> None:
    other = NodeInfo("other")
    told = journal(Acked(other, CLUSTER, "v1", 0.0), *[Nacked(NACK, 0.0)] * (MAX_ENTRIES + 7))
    assert len(told.of("node")) == MAX_ENTRIES
    assert told.dropped("node") == 7
    assert (len(told.of("other")), told.dropped("other"), told.dropped("nobody")) == (1, 0, 0)


def test_of_many_names_a_few_are_kept_and_their_number() -> None:
    names = tuple(map(str, range(1_000)))
    (entry,) = journal(Sent(NODE, CLUSTER, "v1", names, 0.0)).of("node")
    assert (entry.names, entry.count) == (("0", "1", "2", "3", "4"), 1_000)


def test_of_many_nodes_the_one_that_was_silent_for_longest_is_forgotten() -> None:
    nodes = [NodeInfo(f"n{each:04}") for each in range(MAX_NODES)]
    told = journal(*(StreamOpened(node, "SotW", 0.0) for node in nodes))
    told.record(StreamClosed(nodes[0], 1.0))
    told.record(StreamOpened(NodeInfo("new"), "SotW", 2.0))
    assert len(told.nodes()) == MAX_NODES
    assert told.of("n0000")
    assert not told.of("n0001")


@pytest.mark.parametrize("type_url", ["type.googleapis.com/what.is.This"])
def test_a_refusal_of_an_unknown_type_is_kept_by_its_url(type_url: str) -> None:
    (entry,) = journal(Nacked(NackRecord(NODE, type_url, "", "no"), 0.0)).of("node")
    assert entry.type == type_url
