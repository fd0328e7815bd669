"""SotW streams, rule by rule of the xDS protocol, in stories without I/O."""

from __future__ import annotations

import pytest

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
    refuses,
    sends,
    snapshot,
    sotw,
    wants,
)
from xds_server.errors import RemoteXdsError
from xds_server.events import Acked, Current, Nacked
from xds_server.protos import route
from xds_server.resource import Resource, ResourceType
from xds_server.sessions.messages import SotwRequest
from xds_server.sessions.subscription import MAX_NAMES

A, B = an_assignment("a"), an_assignment("b")
A2 = an_assignment("a", priority=1)


def test_without_a_snapshot_nothing_is_answered() -> None:
    assert sotw() >> wants(CLUSTER) << None >> snapshot() << sends(CLUSTER, nonce=1)


def test_each_type_has_its_own_nonce_and_subscription() -> None:
    assert (
        sotw()
        >> snapshot(a_cluster("c"), a_listener("l"))
        >> wants(CLUSTER)
        << sends(CLUSTER, "c", nonce=1)
        >> wants(CLUSTER, nonce=1)
        >> wants(LISTENER)
        << sends(LISTENER, "l", nonce=2)
        >> wants(CLUSTER, nonce=1)
        << None
    )


def test_an_ack_is_not_answered_with_unchanged_resources() -> None:
    story = sotw() >> snapshot(A) >> wants(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> wants(ENDPOINT, "a", nonce=1) << None
    assert [type(event) for event in story.events][-1] is Acked


def test_a_nack_is_told_by_its_error_and_never_by_its_version() -> None:
    served = snapshot(A)
    version = served.version(ENDPOINT)
    story = sotw() >> served >> wants(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> refuses(ENDPOINT, "a", nonce=1, version=version) << None
    assert isinstance(story.events[-1], Nacked)


def test_a_nacked_content_is_not_sent_again() -> None:
    assert (
        sotw()
        >> snapshot(A)
        >> wants(ENDPOINT, "a")
        << sends(ENDPOINT, "a", nonce=1)
        >> refuses(ENDPOINT, "a", nonce=1)
        << None
        >> snapshot(A)
        << None
        >> snapshot(A2)
        << sends(ENDPOINT, "a", nonce=2)
    )


def test_the_change_after_a_nack_takes_the_rejected_resources_along() -> None:
    assert (
        sotw()
        >> snapshot(A, B)
        >> wants(ENDPOINT, "a", "b")
        << sends(ENDPOINT, "a", "b", nonce=1)
        >> refuses(ENDPOINT, "a", "b", nonce=1)
        >> snapshot(A2, B)
        << sends(ENDPOINT, "a", "b", nonce=2)
    )


def test_a_nacked_version_is_not_called_current_when_another_resource_changes() -> None:
    story = sotw() >> snapshot(A, B) >> wants(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> refuses(ENDPOINT, "a", nonce=1) >> snapshot(A) << None
    assert not [event for event in story.events if isinstance(event, Current)]


def test_a_version_that_changes_nothing_for_the_client_is_current() -> None:
    later = snapshot(A)
    story = sotw() >> snapshot(A, B) >> wants(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> wants(ENDPOINT, "a", nonce=1) >> later << None
    assert story.events[-1] == Current(story.session.node, ENDPOINT, later.version(ENDPOINT), 0.0)


def test_a_request_with_a_stale_nonce_is_never_answered() -> None:
    story = (
        sotw()
        >> snapshot(A, B)
        >> wants(ENDPOINT, "a")
        << sends(ENDPOINT, "a", nonce=1)
        >> wants(ENDPOINT, "a", nonce=1)
        >> snapshot(A2, B)
        << sends(ENDPOINT, "a", nonce=2)
    )
    assert story >> wants(ENDPOINT, "a", "b", nonce=1) << None
    assert story >> wants(ENDPOINT, "a", "b", nonce=2) << sends(ENDPOINT, "b", nonce=3)


def test_a_later_request_supersedes_an_earlier_one() -> None:
    assert (
        sotw()
        >> snapshot(A, B)
        >> wants(ENDPOINT, "a")
        << sends(ENDPOINT, "a", nonce=1)
        >> wants(ENDPOINT, "b")
        << None
        >> wants(ENDPOINT, "b", nonce=1)
        << sends(ENDPOINT, "b", nonce=2)
    )


def test_several_requests_at_one_version_are_legal() -> None:
    story = sotw() >> snapshot(A, B) >> wants(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert story >> wants(ENDPOINT, "a", nonce=1) << None >> wants(ENDPOINT, "a", nonce=1) << None
    assert len([event for event in story.events if isinstance(event, Acked)]) == 1


def test_a_new_name_is_sent_though_it_did_not_change_also_with_an_ack() -> None:
    assert (
        sotw()
        >> snapshot(A, B)
        >> wants(ENDPOINT, "a")
        << sends(ENDPOINT, "a", nonce=1)
        >> wants(ENDPOINT, "a", "b", nonce=1)
        << sends(ENDPOINT, "b", nonce=2)
        >> wants(ENDPOINT, "b", nonce=2)
        << None
        >> wants(ENDPOINT, "a", "b", nonce=2)
        << sends(ENDPOINT, "a", nonce=3)
    )


def test_a_missing_name_is_remembered_and_pushed_when_it_appears() -> None:
    assert (
        sotw()
        >> snapshot(A)
        >> wants(ENDPOINT, "a", "b")
        << sends(ENDPOINT, "a", nonce=1)
        >> wants(ENDPOINT, "a", "b", nonce=1)
        << None
        >> snapshot(A, B)
        << sends(ENDPOINT, "b", nonce=2)
    )


def test_an_empty_list_after_names_is_no_wildcard() -> None:
    assert (
        sotw()
        >> snapshot(a_cluster("a"), a_cluster("b"))
        >> wants(CLUSTER, "a")
        << sends(CLUSTER, "a", nonce=1)
        >> wants(CLUSTER, nonce=1)
        << None
        >> snapshot(a_cluster("a", "2"))
        << None
    )


def test_an_empty_first_list_is_the_legacy_wildcard_of_listeners_and_clusters() -> None:
    served = snapshot(a_cluster("c"), a_listener("l"), A)
    assert sotw() >> served >> wants(CLUSTER) << sends(CLUSTER, "c", nonce=1)
    assert sotw() >> served >> wants(LISTENER) << sends(LISTENER, "l", nonce=1)
    assert sotw() >> served >> wants(ENDPOINT) << None


def test_an_explicit_wildcard_may_stand_beside_names_and_end() -> None:
    assert (
        sotw()
        >> snapshot(a_cluster("a"), a_cluster("b"))
        >> wants(CLUSTER, "*", "a")
        << sends(CLUSTER, "a", "b", nonce=1)
        >> wants(CLUSTER, "a", nonce=1)
        << None
        >> snapshot(a_cluster("a"), a_cluster("b", "2"))
        << None
    )


def test_listeners_and_clusters_are_sent_whole_and_absence_deletes() -> None:
    assert (
        sotw()
        >> snapshot(a_cluster("a"), a_cluster("b"))
        >> wants(CLUSTER)
        << sends(CLUSTER, "a", "b", nonce=1)
        >> wants(CLUSTER, nonce=1)
        >> snapshot(a_cluster("a"), a_cluster("c"))
        << sends(CLUSTER, "a", "c", nonce=2)
        >> wants(CLUSTER, nonce=2)
        >> snapshot()
        << sends(CLUSTER, nonce=3)
    )


def test_of_other_types_only_what_changed_is_sent_and_nothing_for_what_went() -> None:
    assert (
        sotw()
        >> snapshot(A, B)
        >> wants(ENDPOINT, "a", "b")
        << sends(ENDPOINT, "a", "b", nonce=1)
        >> wants(ENDPOINT, "a", "b", nonce=1)
        >> snapshot(A2, B)
        << sends(ENDPOINT, "a", nonce=2)
        >> wants(ENDPOINT, "a", "b", nonce=2)
        >> snapshot(A2)
        << None
    )


def test_a_client_that_comes_back_with_the_version_is_sent_no_clusters_but_its_endpoints() -> None:
    served = snapshot(a_cluster("c"), A)
    assert (
        sotw()
        >> served
        >> wants(CLUSTER, version=served.version(CLUSTER))
        << None
        >> wants(ENDPOINT, "a", version=served.version(ENDPOINT))
        << sends(ENDPOINT, "a", nonce=1)
        >> snapshot(a_cluster("c", "2"), A)
        << sends(CLUSTER, "c", nonce=2)
    )


def test_a_client_that_comes_back_with_another_version_is_sent_everything() -> None:
    story = sotw() >> snapshot(a_cluster("c")) >> wants(CLUSTER, version="older")
    assert story << sends(CLUSTER, "c", nonce=1)


def test_a_client_that_comes_back_before_the_snapshot_is_there_waits_for_it() -> None:
    served = snapshot(a_cluster("c"))
    story = sotw() >> wants(CLUSTER, version=served.version(CLUSTER)) << None
    assert story >> served << None
    assert story.events == [Current(story.session.node, CLUSTER, served.version(CLUSTER), 0.0)]


def test_while_a_response_is_under_way_only_the_newest_snapshot_waits() -> None:
    story = sotw() >> snapshot(a_cluster("c")) >> wants(CLUSTER) << sends(CLUSTER, "c", nonce=1)
    assert story >> snapshot(a_cluster("d")) << None >> snapshot(a_cluster("e")) << None
    assert story >> wants(CLUSTER, nonce=1) << sends(CLUSTER, "e", nonce=2)


def test_a_snapshot_set_while_a_response_is_under_way_goes_out_after_its_nack() -> None:
    story = sotw() >> snapshot(a_cluster("c")) >> wants(CLUSTER) << sends(CLUSTER, "c", nonce=1)
    assert story >> snapshot(a_cluster("d")) << None
    assert story >> refuses(CLUSTER, nonce=1) << sends(CLUSTER, "d", nonce=2)


def test_types_are_pushed_make_before_break() -> None:
    first = snapshot(an_eds_cluster("a"), A, a_listener("l"), a_route("r", "a"))
    second = snapshot(an_eds_cluster("a", "2"), A2, a_listener("l", "2"), a_route("r", "a", "a"))
    story = (
        sotw()
        >> first
        >> wants(CLUSTER)
        << sends(CLUSTER, "a", nonce=1)
        >> wants(ENDPOINT, "a")
        << sends(ENDPOINT, "a", nonce=2)
        >> wants(CLUSTER, nonce=1)
        >> wants(ENDPOINT, "a", nonce=2)
        >> wants(LISTENER)
        << sends(LISTENER, "l", nonce=3)
        >> wants(ROUTE, "r")
        << sends(ROUTE, "r", nonce=4)
        >> wants(LISTENER, nonce=3)
        >> wants(ROUTE, "r", nonce=4)
        << None
    )
    story = story >> second << sends(CLUSTER, "a", nonce=5) << sends(ENDPOINT, "a", nonce=6)
    assert story << sends(LISTENER, "l", nonce=7) << sends(ROUTE, "r", nonce=8)


def test_a_route_waits_until_its_new_cluster_is_accepted() -> None:
    old = snapshot(a_cluster("a"), a_route("r", "a"))
    new = snapshot(a_cluster("a"), a_cluster("b"), a_route("r", "b"))
    story = (
        sotw()
        >> old
        >> wants(CLUSTER)
        << sends(CLUSTER, "a", nonce=1)
        >> wants(CLUSTER, nonce=1)
        >> wants(ROUTE, "r")
        << sends(ROUTE, "r", nonce=2)
        >> wants(ROUTE, "r", nonce=2)
    )
    assert story >> new << sends(CLUSTER, "a", "b", nonce=3)
    assert story >> wants(CLUSTER, nonce=3) << sends(ROUTE, "r", nonce=4)


def test_a_route_does_not_go_to_a_cluster_that_was_refused() -> None:
    story = sotw() >> snapshot(a_cluster("a"), a_route("r", "a")) >> wants(CLUSTER)
    assert story << sends(CLUSTER, "a", nonce=1) >> refuses(CLUSTER, nonce=1)
    assert story >> wants(ROUTE, "r") << None
    assert story >> snapshot(a_cluster("a", "2"), a_route("r", "a")) << sends(CLUSTER, "a", nonce=2)
    assert story >> wants(CLUSTER, nonce=2) << sends(ROUTE, "r", nonce=3)


def test_a_client_that_names_its_clusters_gets_its_routes_first() -> None:
    story = sotw() >> snapshot(a_cluster("a"), a_route("r", "a")) >> wants(ROUTE, "r")
    assert story << sends(ROUTE, "r", nonce=1)


def test_a_cluster_leaves_after_the_traffic_moved() -> None:
    old = snapshot(a_cluster("a"), a_route("r", "a"))
    new = snapshot(a_cluster("b"), a_route("r", "b"))
    story = (
        sotw()
        >> old
        >> wants(CLUSTER)
        << sends(CLUSTER, "a", nonce=1)
        >> wants(CLUSTER, nonce=1)
        >> wants(ROUTE, "r")
        << sends(ROUTE, "r", nonce=2)
        >> wants(ROUTE, "r", nonce=2)
        >> new
        << sends(CLUSTER, "a", "b", nonce=3)
        >> wants(CLUSTER, nonce=3)
        << sends(ROUTE, "r", nonce=4)
        >> wants(ROUTE, "r", nonce=4)
        << sends(CLUSTER, "b", nonce=5)
    )
    versions = [each.version for each in story.responses if each.type is CLUSTER]
    assert len(set(versions)) == 3
    assert versions[-1] == new.version(CLUSTER)


def test_a_cluster_stays_while_a_nacked_route_leaves_the_old_one_in_place() -> None:
    old = snapshot(a_cluster("a"), a_route("r", "a"))
    new = snapshot(a_cluster("b"), a_route("r", "b"))
    story = sotw() >> old >> wants(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    story = story >> wants(CLUSTER, nonce=1) >> wants(ROUTE, "r") << sends(ROUTE, "r", nonce=2)
    story = story >> wants(ROUTE, "r", nonce=2) >> new << sends(CLUSTER, "a", "b", nonce=3)
    story = story >> wants(CLUSTER, nonce=3) << sends(ROUTE, "r", nonce=4)
    assert story >> refuses(ROUTE, "r", nonce=4) << None


def test_a_changed_cluster_needs_its_endpoints_again() -> None:
    story = sotw() >> snapshot(an_eds_cluster("a"), A) >> wants(CLUSTER)
    story = story << sends(CLUSTER, "a", nonce=1) >> wants(ENDPOINT, "a")
    story = story << sends(ENDPOINT, "a", nonce=2) >> wants(CLUSTER, nonce=1)
    story = story >> wants(ENDPOINT, "a", nonce=2) >> snapshot(an_eds_cluster("a", "2"), A)
    assert story << sends(CLUSTER, "a", nonce=3) << sends(ENDPOINT, "a", nonce=4)


def test_a_route_does_not_overtake_a_listener_that_has_to_wait() -> None:
    story = sotw() >> snapshot(a_listener("l"), a_route("r")) >> wants(LISTENER)
    story = (
        story << sends(LISTENER, "l", nonce=1) >> wants(ROUTE, "r") << sends(ROUTE, "r", nonce=2)
    )
    story = story >> wants(ROUTE, "r", nonce=2)
    story = story >> snapshot(a_listener("l", "2"), a_route("r", content="2")) << None
    story = story >> wants(LISTENER, nonce=1)
    assert story << sends(LISTENER, "l", nonce=3) << sends(ROUTE, "r", nonce=4)


def test_an_unknown_type_is_not_answered() -> None:
    unknown = SotwRequest("type.googleapis.com/foo.Bar", ("a",))
    assert sotw() >> snapshot(A) >> unknown << None


def test_names_beyond_all_measure_end_the_stream() -> None:
    names = [f"n{i}" for i in range(MAX_NAMES + 1)]
    with pytest.raises(RemoteXdsError, match="got 65537 names, wanted at most 65536") as caught:
        assert sotw() >> wants(ENDPOINT, *names)
    assert caught.value.status == "RESOURCE_EXHAUSTED"


def test_a_nonce_of_another_stream_says_nothing_and_does_no_harm() -> None:
    story = sotw() >> snapshot(A) >> wants(ENDPOINT, "a", nonce="of-another", version="v")
    assert story << sends(ENDPOINT, "a", nonce=1)
    assert not any(isinstance(event, Acked) for event in story.events)


def test_a_client_that_takes_everything_can_not_drop_a_single_resource() -> None:
    first = snapshot(a_cluster("a"), a_cluster("b"))
    story = sotw() >> first >> wants(CLUSTER, "*", "a") << sends(CLUSTER, "a", "b", nonce=1)
    story = story >> wants(CLUSTER, "*", nonce=1) << None >> snapshot(a_cluster("a", "2"))
    assert story << sends(CLUSTER, "a", nonce=2)


def test_scoped_routes_are_sent_whole_since_envoy_drops_what_is_left_out() -> None:
    scopes = ResourceType.SCOPED_ROUTE
    a, b, changed = (
        Resource.of(route.ScopedRouteConfiguration(name=name, route_configuration_name=routes))
        for name, routes in (("a", "r"), ("b", "r"), ("b", "other"))
    )
    story = sotw() >> snapshot(a, b) >> wants(scopes) << sends(scopes, "a", "b", nonce=1)
    story = story >> wants(scopes, nonce=1) >> snapshot(a, changed)
    assert story << sends(scopes, "a", "b", nonce=2)


def test_a_collection_is_sent_whole_where_the_type_is() -> None:
    folder, (one, two) = "xdstp://m/t/*", ("xdstp://m/t/1", "xdstp://m/t/2")
    book = sotw()
    assert book >> snapshot(a_cluster(one), a_cluster(two), a_cluster("other"))
    assert book >> wants(CLUSTER, folder) << sends(CLUSTER, one, two, nonce=1)
    assert book >> wants(CLUSTER, folder, nonce=1)
    assert book >> snapshot(a_cluster(two)) << sends(CLUSTER, two, nonce=2)
    assert book >> wants(CLUSTER, folder, nonce=2)
    assert book >> snapshot(a_cluster(two), a_cluster("other"))


def test_a_collection_of_endpoints_sends_what_changed_and_what_is_new() -> None:
    folder, (one, two) = "xdstp://m/t/*", ("xdstp://m/t/1", "xdstp://m/t/2")
    book = sotw()
    assert book >> snapshot(an_assignment(one))
    assert book >> wants(ENDPOINT, folder) << sends(ENDPOINT, one, nonce=1)
    assert book >> wants(ENDPOINT, folder, nonce=1)
    both = snapshot(an_assignment(one), an_assignment(two))
    assert book >> both << sends(ENDPOINT, two, nonce=2)
