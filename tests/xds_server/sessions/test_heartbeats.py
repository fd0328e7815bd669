"""Lifetimes and heartbeats: who is told of them, when, and how; a clock of numbers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    Playbook,
    a_cluster,
    an_assignment,
    asks,
    refuses,
    sends,
    snapshot,
    wants,
)
from xds_server import mirror
from xds_server.errors import ResourceError
from xds_server.node import NodeInfo
from xds_server.protos import discovery
from xds_server.resource import Resource
from xds_server.serving.wire import Encoder
from xds_server.sessions.delta import DeltaSession
from xds_server.sessions.heartbeats import KNOWS_TTL, KNOWS_WRAPPED
from xds_server.sessions.messages import DeltaResponse, Lifetimes
from xds_server.sessions.sotw import SotwSession

KNOWING = NodeInfo("node", client_features=(KNOWS_TTL, KNOWS_WRAPPED))
HALF_KNOWING = NodeInfo("node", client_features=(KNOWS_TTL,))
IGNORANT = NodeInfo("node")


def mortal(resource: Resource, ttl: float = 3.0) -> Resource:
    return Resource.of_bytes(resource.type, resource.name, resource.body, ttl=ttl)


def sotw(node: NodeInfo = KNOWING) -> Playbook:
    return Playbook(SotwSession(node, clock=lambda: 0.0))


def delta(node: NodeInfo = KNOWING) -> Playbook:
    return Playbook(DeltaSession(node, clock=lambda: 0.0))


def encoded(response: Any) -> Any:
    """What the client reads."""
    is_delta = isinstance(response, DeltaResponse)
    cls = discovery.DeltaDiscoveryResponse if is_delta else discovery.DiscoveryResponse
    return mirror.parse(cls, Encoder().encode(response))


def served_clusters(book: Playbook) -> None:
    assert book >> snapshot(mortal(a_cluster("a")), a_cluster("b"))
    first = wants(CLUSTER) if isinstance(book.session, SotwSession) else asks(CLUSTER)
    assert book >> first << sends(CLUSTER, "a", "b", nonce=1)
    ack = (
        wants(CLUSTER, nonce=1) if isinstance(book.session, SotwSession) else asks(CLUSTER, nonce=1)
    )
    assert book >> ack


def test_a_lifetime_is_told_to_delta_clients_that_announce_to_know_it() -> None:
    for node, told in ((KNOWING, 3.0), (HALF_KNOWING, 3.0), (IGNORANT, 0.0)):
        book = delta(node)
        served_clusters(book)
        first, second = encoded(book.responses[0]).resources
        assert first.ttl.ToMilliseconds() / 1000 == told
        assert not second.HasField("ttl")
        assert (book.session.next_heartbeat(0.0) is not None) == bool(told)


def test_a_lifetime_is_told_to_sotw_clients_that_know_a_wrapped_resource_too() -> None:
    wrapper = "type.googleapis.com/envoy.service.discovery.v3.Resource"
    for node, types in (
        (KNOWING, [wrapper, CLUSTER.type_url]),
        (HALF_KNOWING, [CLUSTER.type_url, CLUSTER.type_url]),
        (IGNORANT, [CLUSTER.type_url, CLUSTER.type_url]),
    ):
        book = sotw(node)
        served_clusters(book)
        found = encoded(book.responses[0]).resources
        assert [each.type_url for each in found] == types
    wrapped = mirror.parse(discovery.Resource, encoded(first_of(sotw())).resources[0].value)
    assert (wrapped.name, wrapped.ttl.seconds) == ("a", 3)
    assert wrapped.resource.value == a_cluster("a").body


def first_of(book: Playbook) -> Any:
    served_clusters(book)
    return book.responses[0]


def test_a_heartbeat_says_name_version_and_lifetime_and_nothing_else() -> None:
    book = delta()
    served_clusters(book)
    assert book.session.next_heartbeat(10.0) == 11.0
    assert book.session.heartbeat(10.9) == []
    (beat,) = book.session.heartbeat(11.0)
    assert isinstance(beat, DeltaResponse)
    assert beat.lifetimes is Lifetimes.RENEWED
    (renewed,) = encoded(beat).resources
    assert (renewed.name, renewed.version) == ("a", mortal(a_cluster("a")).version)
    assert renewed.ttl.seconds == 3
    assert not renewed.HasField("resource")
    assert book.session.next_heartbeat(11.1) == 12.0


def test_a_heartbeat_is_no_update_and_its_ack_is_of_no_account() -> None:
    book = delta()
    served_clusters(book)
    events = list(book.events)
    book.session.next_heartbeat(0.0)
    (beat,) = book.session.heartbeat(1.0)
    assert beat.nonce == "2"
    assert book >> asks(CLUSTER, nonce=2)
    assert book >> asks(CLUSTER, nonce=2, error="no")
    assert book.events == events


def test_a_sotw_heartbeat_is_the_same_response_once_more() -> None:
    book = sotw()
    served_clusters(book)
    book.session.next_heartbeat(0.0)
    (beat,) = book.session.heartbeat(1.0)
    assert (beat.version, beat.nonce) == (book.responses[0].version, "2")
    assert beat.resources == book.responses[0].resources
    assert book >> wants(CLUSTER, nonce=2)


def test_a_change_after_a_heartbeat_is_answered_by_its_own_nonce_only() -> None:
    book = sotw()
    served_clusters(book)
    book.session.next_heartbeat(0.0)
    book.session.heartbeat(1.0)
    assert book >> snapshot(mortal(a_cluster("a", "new"))) << sends(CLUSTER, "a", nonce=3)
    assert book >> wants(CLUSTER, nonce=2)
    assert not [event for event in book.events[3:] if type(event).__name__ == "Acked"]
    assert book >> wants(CLUSTER, nonce=3)
    assert type(book.events[-1]).__name__ == "Acked"


def test_no_heartbeat_goes_out_while_a_response_is_under_way() -> None:
    book = delta()
    served_clusters(book)
    book.session.next_heartbeat(0.0)
    assert (
        book
        >> snapshot(mortal(a_cluster("a", "new")))
        << sends(CLUSTER, "a", nonce=2, removed=("b",))
    )
    assert book.session.next_heartbeat(5.0) is None
    assert book.session.heartbeat(5.0) == []
    assert book >> asks(CLUSTER, nonce=2)
    assert book.session.next_heartbeat(5.0) == 1.0
    assert [each.nonce for each in book.session.heartbeat(5.0)] == ["3"]


def test_what_a_client_refused_is_not_renewed() -> None:
    book = sotw()
    served_clusters(book)
    assert book >> snapshot(mortal(a_cluster("a", "bad"))) << sends(CLUSTER, "a", nonce=2)
    assert book >> refuses(CLUSTER, nonce=2)
    book.session.next_heartbeat(0.0)
    assert book.session.heartbeat(1.0) == []


def test_a_resend_without_a_lifetime_takes_it_away() -> None:
    book = delta()
    served_clusters(book)
    assert book >> snapshot(a_cluster("a"), a_cluster("b")) << sends(CLUSTER, "a", nonce=2)
    assert not encoded(book.responses[-1]).resources[0].HasField("ttl")
    assert book >> asks(CLUSTER, nonce=2)
    assert book.session.next_heartbeat(0.0) is None


def test_endpoints_live_on_for_a_sotw_client_since_envoy_would_die_with_them() -> None:
    book = sotw()
    assert book >> snapshot(mortal(an_assignment("a")))
    assert book >> wants(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert book >> wants(ENDPOINT, "a", nonce=1)
    assert encoded(book.responses[0]).resources[0].type_url == ENDPOINT.type_url
    assert book.session.next_heartbeat(0.0) is None


def test_a_heartbeat_is_due_three_times_in_the_shortest_life() -> None:
    book = delta()
    assert book >> snapshot(mortal(a_cluster("a"), 30), mortal(a_cluster("b"), 0.3))
    assert book >> asks(CLUSTER) << sends(CLUSTER, "a", "b", nonce=1)
    assert book.session.next_heartbeat(0.0) is None
    assert book >> asks(CLUSTER, nonce=1)
    assert book.session.next_heartbeat(0.0) == pytest.approx(0.1)
    (beat,) = book.session.heartbeat(0.1)
    assert [each.name for each in beat.resources] == ["b"]
    (beat,) = book.session.heartbeat(10.0)
    assert [each.name for each in beat.resources] == ["a", "b"]


@pytest.mark.parametrize("ttl", [0.0, -1.0, 0.05, 1e12, float("nan")])
def test_a_lifetime_without_sense_is_refused(ttl: float) -> None:
    with pytest.raises(ResourceError, match=r"^Cluster 'a': got a ttl of .* s, wanted 0\.1 to"):
        mortal(a_cluster("a"), ttl)
