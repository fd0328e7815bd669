"""Delta streams, rule by rule of the xDS protocol, in stories without I/O."""

from __future__ import annotations

from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    ROUTE,
    a_cluster,
    a_listener,
    a_route,
    an_assignment,
    an_eds_cluster,
    asks,
    delta,
    sends,
    snapshot,
)
from xds_server.events import Acked, Nacked
from xds_server.protos import route
from xds_server.resource import Resource, ResourceType
from xds_server.sessions.messages import DeltaRequest, DeltaResponse

A, B = an_assignment("a"), an_assignment("b")
A2 = an_assignment("a", priority=1)


def test_an_ack_is_a_nonce_and_a_nack_one_with_an_error() -> None:
    story = delta() >> snapshot(A) >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    story = story >> asks(ENDPOINT, nonce=1) << None >> snapshot(A2)
    story = story << sends(ENDPOINT, "a", nonce=2) >> asks(ENDPOINT, nonce=2, error="no") << None
    assert [type(e) for e in story.events if isinstance(e, (Acked, Nacked))] == [Acked, Nacked]


def test_a_nacked_content_is_not_sent_again_but_goes_along_with_the_next_change() -> None:
    story = delta() >> snapshot(A, B) >> asks(ENDPOINT, "a", "b")
    story = story << sends(ENDPOINT, "a", "b", nonce=1) >> asks(ENDPOINT, nonce=1, error="no")
    assert story >> snapshot(A, B) << None
    assert story >> snapshot(A2, B) << sends(ENDPOINT, "a", "b", nonce=2)


def test_a_removal_in_a_nacked_response_goes_along_too() -> None:
    story = delta() >> snapshot(A, B) >> asks(ENDPOINT, "a", "b")
    story = story << sends(ENDPOINT, "a", "b", nonce=1) >> asks(ENDPOINT, nonce=1) >> snapshot(A2)
    story = story << sends(ENDPOINT, "a", nonce=2, removed=("b",))
    story = story >> asks(ENDPOINT, nonce=2, error="no") >> snapshot(A)
    assert story << sends(ENDPOINT, "a", nonce=3, removed=("b",))


def test_a_change_of_the_subscription_counts_with_a_stale_nonce() -> None:
    story = delta() >> snapshot(A, B) >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    story = story >> asks(ENDPOINT, nonce=1) >> snapshot(A2, B) << sends(ENDPOINT, "a", nonce=2)
    story = story >> asks(ENDPOINT, "b", nonce=1) << None
    assert story >> asks(ENDPOINT, nonce=2) << sends(ENDPOINT, "b", nonce=3)


def test_an_ack_may_carry_a_subscription() -> None:
    story = delta() >> snapshot(A, B) >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> asks(ENDPOINT, "b", nonce=1) << sends(ENDPOINT, "b", nonce=2)


def test_each_name_that_is_subscribed_is_answered_though_the_client_has_it() -> None:
    story = delta() >> snapshot(A) >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    story = story >> asks(ENDPOINT, nonce=1)
    assert story >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=2)


def test_unsubscribing_what_was_not_subscribed_is_ignored() -> None:
    story = delta() >> snapshot(A) >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> asks(ENDPOINT, without=("x",), nonce=1) << None


def test_a_pure_unsubscribe_is_not_answered_and_ends_the_updates() -> None:
    story = delta() >> snapshot(A, B) >> asks(ENDPOINT, "a", "b")
    story = story << sends(ENDPOINT, "a", "b", nonce=1) >> asks(ENDPOINT, nonce=1)
    assert story >> asks(ENDPOINT, without=("a",)) << None >> snapshot(A2, B) << None


def test_a_name_given_back_beside_the_wildcard_is_answered() -> None:
    story = delta() >> snapshot(a_cluster("a")) >> asks(CLUSTER, "*", "a", "gone")
    story = story << sends(CLUSTER, "a", nonce=1, removed=("gone",)) >> asks(CLUSTER, nonce=1)
    story = story >> asks(CLUSTER, without=("a",)) << sends(CLUSTER, "a", nonce=2)
    story = story >> asks(CLUSTER, nonce=2) >> asks(CLUSTER, without=("gone",))
    assert story << sends(CLUSTER, nonce=3, removed=("gone",))


def test_an_empty_first_request_is_the_legacy_wildcard_and_is_answered() -> None:
    assert delta() >> snapshot(a_cluster("a")) >> asks(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    assert delta() >> snapshot() >> asks(CLUSTER) << sends(CLUSTER, nonce=1)
    hosts = ResourceType.VIRTUAL_HOST
    assert delta() >> snapshot() >> asks(hosts) << sends(hosts, nonce=1)


def test_a_later_empty_request_changes_nothing() -> None:
    story = delta() >> snapshot(A) >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> asks(ENDPOINT) << None >> asks(ENDPOINT, nonce=1) << None


def test_a_name_beside_the_legacy_wildcard_keeps_it_and_unsubscribing_the_star_ends_it() -> None:
    first = snapshot(a_cluster("a"), a_cluster("b"))
    story = delta() >> first >> asks(CLUSTER) << sends(CLUSTER, "a", "b", nonce=1)
    story = story >> asks(CLUSTER, "a", nonce=1) << sends(CLUSTER, "a", nonce=2)
    story = story >> asks(CLUSTER, nonce=2) >> snapshot(a_cluster("a"), a_cluster("b", "2"))
    story = story << sends(CLUSTER, "b", nonce=3) >> asks(CLUSTER, without=("*",), nonce=3) << None
    story = story >> snapshot(a_cluster("a"), a_cluster("b", "3")) << None
    assert story >> asks(CLUSTER, without=("a",)) << None >> first << None


def test_a_client_that_comes_back_is_sent_what_it_does_not_hold() -> None:
    served = snapshot(a_cluster("a"), a_cluster("b"), a_cluster("new"))
    held = {"a": served.versions(CLUSTER)["a"], "b": "older", "gone": "any"}
    story = delta() >> served >> asks(CLUSTER, holds=held)
    assert story << sends(CLUSTER, "b", "new", nonce=1, removed=("gone",))


def test_a_named_resource_that_the_client_holds_is_not_sent_on_its_return() -> None:
    held = {"a": A.version}
    assert (
        delta()
        >> snapshot(A, B)
        >> asks(ENDPOINT, "a", "b", holds=held)
        << sends(ENDPOINT, "b", nonce=1)
    )


def test_a_subscribed_name_that_is_missing_is_told_to_be_removed_and_pushed_later() -> None:
    story = delta() >> snapshot() >> asks(ENDPOINT, "a") << sends(ENDPOINT, nonce=1, removed=("a",))
    assert story >> asks(ENDPOINT, nonce=1) << None >> snapshot(A) << sends(ENDPOINT, "a", nonce=2)


def test_a_deletion_is_told_once_and_only_to_subscribers() -> None:
    story = delta() >> snapshot(A, B) >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    story = story >> asks(ENDPOINT, nonce=1) >> snapshot()
    story = story << sends(ENDPOINT, nonce=2, removed=("a",)) >> asks(ENDPOINT, nonce=2) << None
    assert story >> snapshot(B) << None


def test_only_changed_resources_are_sent() -> None:
    story = delta() >> snapshot(a_cluster("a"), a_cluster("b")) >> asks(CLUSTER)
    story = story << sends(CLUSTER, "a", "b", nonce=1) >> asks(CLUSTER, nonce=1)
    assert story >> snapshot(a_cluster("a", "2"), a_cluster("b")) << sends(CLUSTER, "a", nonce=2)


def test_while_a_response_is_under_way_only_the_newest_snapshot_waits() -> None:
    story = delta() >> snapshot(a_cluster("c")) >> asks(CLUSTER) << sends(CLUSTER, "c", nonce=1)
    story = story >> snapshot(a_cluster("d")) << None >> snapshot(a_cluster("e")) << None
    assert story >> asks(CLUSTER, nonce=1) << sends(CLUSTER, "e", nonce=2, removed=("c",))


def test_a_route_waits_until_its_new_cluster_is_accepted_and_the_old_one_leaves_last() -> None:
    old = snapshot(an_eds_cluster("a"), A, a_route("r", "a"))
    new = snapshot(an_eds_cluster("b"), B, a_route("r", "b"))
    story = delta() >> old >> asks(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    story = story >> asks(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=2)
    story = story >> asks(CLUSTER, nonce=1) >> asks(ENDPOINT, nonce=2)
    story = story >> asks(ROUTE, "r") << sends(ROUTE, "r", nonce=3) >> asks(ROUTE, nonce=3)
    story = story >> new << sends(CLUSTER, "b", nonce=4)
    story = story >> asks(ENDPOINT, "b") << sends(ENDPOINT, "b", nonce=5)
    story = story >> asks(CLUSTER, nonce=4) << sends(ROUTE, "r", nonce=6)
    story = story >> asks(ENDPOINT, nonce=5) << None
    story = story >> asks(ROUTE, nonce=6) << sends(CLUSTER, nonce=7, removed=("a",))
    story = story >> asks(ENDPOINT, without=("a",)) << None
    assert story >> asks(CLUSTER, nonce=7) << None


def test_a_changed_cluster_needs_its_endpoints_again() -> None:
    story = delta() >> snapshot(an_eds_cluster("a"), A) >> asks(CLUSTER)
    story = story << sends(CLUSTER, "a", nonce=1) >> asks(ENDPOINT, "a")
    story = story << sends(ENDPOINT, "a", nonce=2) >> asks(CLUSTER, nonce=1)
    story = story >> asks(ENDPOINT, nonce=2) >> snapshot(an_eds_cluster("a", "2"), A)
    assert story << sends(CLUSTER, "a", nonce=3) << sends(ENDPOINT, "a", nonce=4)


def test_one_listener_that_has_to_wait_holds_up_no_other() -> None:
    story = delta() >> snapshot(a_listener("l")) >> asks(LISTENER) << sends(LISTENER, "l", nonce=1)
    story = story >> asks(LISTENER, nonce=1)
    assert story >> snapshot(a_listener("l"), a_listener("m")) << sends(LISTENER, "m", nonce=2)


def test_an_unknown_type_is_not_answered() -> None:
    assert delta() >> snapshot(A) >> DeltaRequest("type.googleapis.com/foo.Bar", ("a",)) << None


HOST = ResourceType.VIRTUAL_HOST


def a_host(name: str, *domains: str, content: str = "") -> Resource:
    headers = [content] if content else []
    made = route.VirtualHost(name=name, domains=list(domains), request_headers_to_remove=headers)
    return Resource.of(made)


def test_a_resource_may_be_asked_for_by_its_alias_and_is_sent_under_its_name() -> None:
    known = A.known_as("other")
    story = delta() >> snapshot(known, B) >> asks(ENDPOINT, "other")
    story = story << sends(ENDPOINT, "a", nonce=1) >> asks(ENDPOINT, nonce=1)
    (response,) = story.responses
    assert isinstance(response, DeltaResponse)
    assert response.aliases == {"a": ("other",)}
    story = story >> asks(ENDPOINT, "b") << sends(ENDPOINT, "b", nonce=2) >> asks(ENDPOINT, nonce=2)
    story = story >> snapshot(A2.known_as("other"), B) << sends(ENDPOINT, "a", nonce=3)
    story = story >> asks(ENDPOINT, nonce=3) >> asks(ENDPOINT, without=("other",)) << None
    assert story >> snapshot(known, B) << None


def test_a_virtual_host_is_asked_for_by_a_host_of_it() -> None:
    story = delta() >> snapshot(a_host("r/v", "*.test")) >> asks(HOST) << sends(HOST, nonce=1)
    story = story >> asks(HOST, nonce=1) >> asks(HOST, "r/a.test") << sends(HOST, "r/v", nonce=2)
    assert [each.aliases for each in story.responses[1:]] == [{"r/v": ("r/a.test",)}]  # type: ignore[union-attr] # both kinds of responses in one story


def test_an_unknown_host_is_answered_without_a_body_and_pushed_when_it_appears() -> None:
    story = delta() >> snapshot() >> asks(HOST) << sends(HOST, nonce=1) >> asks(HOST, nonce=1)
    story = story >> asks(HOST, "r/a.test") << sends(HOST, nonce=2)
    assert [each.unknown for each in story.responses[1:]] == [("r/a.test",)]  # type: ignore[union-attr] # both kinds of responses in one story
    story = story >> asks(HOST, nonce=2) << None >> snapshot(a_host("r/v", "a.test"))
    assert story << sends(HOST, "r/v", nonce=3)


def test_a_changed_route_configuration_takes_its_virtual_hosts_along() -> None:
    host = a_host("r/v", "a.test")
    story = delta() >> snapshot(a_route("r"), host) >> asks(ROUTE, "r")
    story = story << sends(ROUTE, "r", nonce=1) >> asks(ROUTE, nonce=1) >> asks(HOST)
    story = story << sends(HOST, nonce=2, removed=("r/",)) >> asks(HOST, nonce=2)
    story = story >> asks(HOST, "r/a.test") << sends(HOST, "r/v", nonce=3) >> asks(HOST, nonce=3)
    story = story >> snapshot(a_route("r", content="2"), host) << sends(ROUTE, "r", nonce=4)
    assert story << sends(HOST, "r/v", nonce=5, removed=("r/",))


def test_a_new_stream_remembers_nothing_of_the_one_before() -> None:
    story = delta() >> snapshot(A, B) >> asks(ENDPOINT, "a", "b")
    story = story << sends(ENDPOINT, "a", "b", nonce=1)
    assert story >> asks(ENDPOINT, nonce=1) << None
    again = delta() >> snapshot(A, B) >> asks(ENDPOINT, "b", nonce=1)
    assert again << sends(ENDPOINT, "b", nonce=1)


def test_a_collection_is_answered_by_its_resources_and_follows_them() -> None:
    folder, (one, two) = "xdstp://m/t/*", ("xdstp://m/t/1", "xdstp://m/t/2")
    book = delta()
    assert book >> snapshot(an_assignment("other"))
    assert book >> asks(ENDPOINT, folder) << sends(ENDPOINT, nonce=1)
    assert book >> asks(ENDPOINT, nonce=1)
    both = snapshot(an_assignment(one), an_assignment(two), an_assignment("other"))
    assert book >> both << sends(ENDPOINT, one, two, nonce=2)
    assert book >> asks(ENDPOINT, nonce=2)
    assert book >> snapshot(an_assignment(two)) << sends(ENDPOINT, nonce=3, removed=(one,))
    assert book >> asks(ENDPOINT, nonce=3)
    assert book >> asks(ENDPOINT, folder) << sends(ENDPOINT, two, nonce=4)
    assert book >> asks(ENDPOINT, nonce=4)
    assert book >> asks(ENDPOINT, without=(folder,))
    assert book >> snapshot(an_assignment(two, 1))
