"""What is told of a client, at every station of a resource's way to it."""

from __future__ import annotations

from dataclasses import replace

from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    NODE,
    ROUTE,
    Playbook,
    a_cluster,
    a_listener,
    a_route,
    an_assignment,
    an_eds_cluster,
    asks,
    delta,
    refuses,
    sends,
    snapshot,
    sotw,
    wants,
)
from xds_server import protos
from xds_server.clients.client_status import ClientStatus, ConfigStatus, clients_of, count, statuses
from xds_server.clients.view import ClientView
from xds_server.mirror import mirror_class
from xds_server.sessions.sotw import SotwSession


def view(book: Playbook, peer: str = "ipv4:127.0.0.1:1") -> ClientView:
    session = book.session
    variant = "SotW" if isinstance(session, SotwSession) else "Delta"
    return ClientView(NODE, peer, "node", variant, 0.0, session.snapshot, session.view)


def told(book: Playbook) -> dict[str, str]:
    return {
        each.name: f"{each.config_status.name} {each.client_status.name}"
        for each in statuses(view(book))
    }


def test_a_resource_is_sent_then_accepted() -> None:
    book = sotw()
    assert book >> snapshot(a_cluster("a")) >> wants(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    assert told(book) == {"a": "STALE REQUESTED"}
    assert book >> wants(CLUSTER, nonce=1)
    assert told(book) == {"a": "SYNCED ACKED"}
    (status,) = statuses(view(book))
    assert status.version == book.responses[0].version
    assert status.resource == a_cluster("a")


def test_on_delta_a_resource_has_a_version_of_its_own() -> None:
    book = delta()
    assert book >> snapshot(a_cluster("a")) >> asks(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    (status,) = statuses(view(book))
    assert status.version == a_cluster("a").version


def test_a_refused_resource_is_told_with_the_clients_words() -> None:
    book = sotw()
    assert book >> snapshot(a_cluster("a")) >> wants(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    assert book >> refuses(CLUSTER, nonce=1)
    (status,) = statuses(view(book))
    assert told(book) == {"a": "ERROR NACKED"}
    assert status.error == "no"
    assert status.resource == a_cluster("a")


def test_what_a_nack_took_all_the_same_counts_as_accepted() -> None:
    book = sotw()
    both = snapshot(a_cluster("a"), a_cluster("b"))
    assert book >> both >> wants(CLUSTER) << sends(CLUSTER, "a", "b", nonce=1)
    error = "Error adding/updating cluster(s) b: it is too late"
    assert book >> replace(refuses(CLUSTER, nonce=1), error=error)
    assert told(book) == {"a": "SYNCED ACKED", "b": "ERROR NACKED"}


def test_what_is_refused_along_with_another_is_told_so() -> None:
    book = delta()
    routes = snapshot(a_route("r"), a_route("s"))
    assert book >> routes >> asks(ROUTE, "r", "s") << sends(ROUTE, "r", "s", nonce=1)
    error = 'Proto constraint validation failed: goo.gle/debugonly  name: "s"'
    assert book >> asks(ROUTE, nonce=1, error=error)
    refused = {each.name: each.error for each in statuses(view(book))}
    assert refused["r"].startswith("refused along with s: ")


def test_a_refusal_is_forgotten_with_the_next_ack() -> None:
    book = delta()
    assert book >> snapshot(a_cluster("a")) >> asks(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    assert book >> asks(CLUSTER, nonce=1, error="no")
    assert book >> snapshot(a_cluster("a", "2")) << sends(CLUSTER, "a", nonce=2)
    assert book >> asks(CLUSTER, nonce=2)
    (status,) = statuses(view(book))
    assert (status.client_status, status.error) == (ClientStatus.ACKED, "")


def test_what_waits_for_another_type_is_not_sent() -> None:
    book = sotw()
    first = snapshot(a_cluster("a"), a_listener("l"), a_route("r", "a"))
    assert book >> first >> wants(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    assert book >> wants(ROUTE, "r")
    assert told(book) == {"a": "STALE REQUESTED", "r": "NOT_SENT REQUESTED"}


def test_a_client_that_holds_an_older_version_has_accepted_that() -> None:
    book = sotw() >> snapshot(an_assignment("a"), an_assignment("b"))
    assert book >> wants(ENDPOINT, "a") << sends(ENDPOINT, "a", nonce=1)
    assert book >> wants(ENDPOINT, "a", "b", nonce=1) << sends(ENDPOINT, "b", nonce=2)
    assert book >> snapshot(an_assignment("a", 1), an_assignment("b"))
    assert told(book) == {"a": "NOT_SENT ACKED", "b": "STALE REQUESTED"}
    assert [each.resource for each in statuses(view(book))] == [None, an_assignment("b")]


def test_nobody_is_told_of_endpoints_that_are_missing_except_on_delta() -> None:
    clusters = snapshot(an_eds_cluster("a"))
    book = sotw() >> clusters >> wants(ENDPOINT, "a")
    assert told(book) == {"a": "NOT_SENT REQUESTED"}
    book = delta() >> clusters >> asks(ENDPOINT, "a")
    assert book << sends(ENDPOINT, nonce=1, removed=("a",))
    assert told(book) == {"a": "NOT_SENT DOES_NOT_EXIST"}


def test_a_listener_that_a_whole_answer_leaves_out_does_not_exist() -> None:
    book = sotw() >> snapshot(a_listener("l")) >> wants(LISTENER, "l", "m")
    assert book << sends(LISTENER, "l", nonce=1)
    assert told(book) == {"l": "STALE REQUESTED", "m": "NOT_SENT DOES_NOT_EXIST"}


def test_who_waits_for_everything_while_there_is_nothing_waits_for_a_star() -> None:
    assert told(sotw() >> wants(CLUSTER)) == {"*": "NOT_SENT REQUESTED"}


def test_a_count_is_about_what_is_told() -> None:
    book = sotw() >> snapshot(a_cluster("a"), a_cluster("b"), an_assignment("a"))
    assert book >> wants(CLUSTER) << sends(CLUSTER, "a", "b", nonce=1)
    assert book >> wants(ENDPOINT, "a", "b") << sends(ENDPOINT, "a", nonce=2)
    assert count(view(book)) == len(list(statuses(view(book)))) == 4


def test_streams_of_one_node_from_one_address_are_one_client() -> None:
    streams = [view(sotw(), peer) for peer in ("one", "two", "one")]
    assert [len(each) for each in clients_of(streams)] == [2, 1]


def test_the_statuses_have_the_numbers_of_their_protos() -> None:
    messages = mirror_class(protos.status.ClientConfigGenericXdsConfig).DESCRIPTOR  # type: ignore[attr-defined] # a class of protobuf, made at run time
    for field, ours in (("config_status", ConfigStatus), ("client_status", ClientStatus)):
        theirs = messages.fields_by_name[field].enum_type.values_by_name
        assert {each.name: each.value for each in ours} == {n: v.number for n, v in theirs.items()}
