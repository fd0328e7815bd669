"""Where each node stands."""

from __future__ import annotations

from dataclasses import replace

from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    NODE,
    ROUTE,
    a_cluster,
    a_route,
    an_assignment,
    an_eds_cluster,
    snapshot,
)
from xds_server.clients.status import Status
from xds_server.events import (
    Acked,
    Current,
    Nacked,
    NackRecord,
    Sent,
    StreamClosed,
    StreamOpened,
)
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

OPENED, CLOSED = StreamOpened(NODE, "SotW", 0.0), StreamClosed(NODE, 0.0)


def sent(kind: ResourceType, served: Snapshot) -> Sent:
    return Sent(NODE, kind, served.version(kind), (), 0.0)


def acked(kind: ResourceType, served: Snapshot) -> Acked:
    return Acked(NODE, kind, served.version(kind), 0.0)


def status(*events: StreamOpened | StreamClosed | Sent | Acked | Current | Nacked) -> Status:
    made = Status()
    for event in events:
        made.record(event)
    return made


def test_a_snapshot_is_applied_when_all_that_is_needed_of_it_is_acked() -> None:
    served = snapshot(an_eds_cluster("a"), an_assignment("a"), a_route("orphan"))
    both = [OPENED, sent(CLUSTER, served), acked(CLUSTER, served), sent(ENDPOINT, served)]
    assert not status(*both).applied("node", served)
    assert status(*both, acked(ENDPOINT, served)).applied("node", served)


def test_a_version_that_is_under_way_again_is_not_applied() -> None:
    served = snapshot(a_cluster("a"))
    held = Current(NODE, CLUSTER, served.version(CLUSTER), 0.0)
    assert status(OPENED, held).applied("node", served)
    assert not status(OPENED, held, sent(CLUSTER, served)).applied("node", served)


def test_the_deletion_of_the_last_cluster_has_to_be_acked_too() -> None:
    old, empty = snapshot(a_cluster("a")), snapshot()
    events = [OPENED, sent(CLUSTER, old), acked(CLUSTER, old)]
    assert not status(*events).applied("node", empty)
    assert status(*events, sent(CLUSTER, empty), acked(CLUSTER, empty)).applied("node", empty)


def test_a_nack_stays_until_the_type_is_accepted_again() -> None:
    old, bad = snapshot(a_route("r")), snapshot(a_route("r", content="bad"))
    record = NackRecord(NODE, ROUTE.type_url, bad.version(ROUTE), "no")
    made = status(OPENED, sent(ROUTE, old), acked(ROUTE, old), sent(ROUTE, bad))
    made.record(Nacked(record, 0.0))
    found = made.of("node")[ROUTE]
    assert (found.sent, found.acked) == (bad.version(ROUTE), old.version(ROUTE))
    assert found.nack is record
    made.record(acked(ROUTE, old))
    assert made.of("node")[ROUTE].nack is None


def test_a_node_is_known_while_it_has_a_stream() -> None:
    served = snapshot(a_cluster("a"))
    assert status(OPENED).nodes() == ("node",)
    assert status(OPENED, CLOSED).nodes() == ()
    assert not status(OPENED, acked(CLUSTER, served), CLOSED).applied("node", served)


def test_a_new_stream_that_opens_before_the_old_one_closes_counts() -> None:
    assert status(OPENED, OPENED, CLOSED).nodes() == ("node",)


def test_a_stream_of_one_type_starts_only_that_type_anew() -> None:
    status = Status()
    status.record(StreamOpened(NODE, "SotW", 0.0, CLUSTER))
    status.record(Acked(NODE, CLUSTER, "1", 0.0))
    status.record(StreamOpened(NODE, "SotW", 0.0, ENDPOINT))
    assert status.of(NODE.id)[CLUSTER].acked == "1"
    status.record(StreamOpened(NODE, "SotW", 0.0, CLUSTER))
    assert CLUSTER not in status.of(NODE.id)


def test_a_grpc_client_has_applied_what_it_asked_for() -> None:
    served = snapshot(a_cluster("a"), a_route("r"))
    found = Status()
    found.record(StreamOpened(replace(NODE, user_agent_name="gRPC Go"), "SotW", 0.0))
    assert found.applied("node", served)
    found.record(sent(CLUSTER, served))
    assert not found.applied("node", served)
    found.record(acked(CLUSTER, served))
    assert found.applied("node", served)
    found.record(Nacked(NackRecord(NODE, CLUSTER.type_url, "1", "no"), 0.0))
    assert not found.applied("node", served)
    found.record(CLOSED)
    assert not found.applied("node", served)
