"""Clients and owners of a cache that do what they should not: a clear end, and nobody else hurt.

Garbage, truncated requests, requests without a type and a node that changes are in
``test_server.py``; clients that never read, ask too fast or ACK what they do not read in
``test_limits.py``; two resources of one name in ``test_snapshot.py`` and ``test_catalogue.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    Playbook,
    a_cluster,
    an_assignment,
    asks,
    delta,
    refuses,
    sends,
    snapshot,
    sotw,
    wants,
)
from tests.xds_server.real_envoy import Events
from tests.xds_server.serving.test_server import NODE, first_answer, open_stream, refusal, request
from tests.xds_server.sessions.test_heartbeats import KNOWING, served_clusters
from xds_server import mirror
from xds_server.cache import Cache
from xds_server.events import Acked, Nacked, Sent, StreamClosed, StreamOpened
from xds_server.protos import discovery, rpc
from xds_server.serving.server import XdsServer
from xds_server.sessions.delta import DeltaSession

FOREVER = 200  # NACKs


def test_a_sotw_client_that_nacks_for_ever_is_sent_each_version_once() -> None:
    book = sotw()
    assert book >> snapshot(a_cluster("a")) >> wants(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    for nonce in range(1, FOREVER):
        assert book >> refuses(CLUSTER, nonce=nonce)
        assert book >> refuses(CLUSTER, nonce=nonce)
        changed = snapshot(a_cluster("a", f"{nonce}"))
        assert book >> changed << sends(CLUSTER, "a", nonce=nonce + 1)
    _keeps_little(book)


def test_a_delta_client_that_nacks_for_ever_is_sent_each_version_once() -> None:
    book = delta()
    assert book >> snapshot(a_cluster("a")) >> asks(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    for nonce in range(1, FOREVER):
        assert book >> asks(CLUSTER, nonce=nonce, error="no")
        assert book >> asks(CLUSTER, nonce=nonce, error="no")
        changed = snapshot(a_cluster("a", f"{nonce}"))
        assert book >> changed << sends(CLUSTER, "a", nonce=nonce + 1)
    _keeps_little(book)


def _keeps_little(book: Playbook) -> None:
    (sub,) = book.session._substreams.values()
    assert len([event for event in book.events if isinstance(event, Nacked)]) == FOREVER - 1
    assert (len(sub.rejected), len(sub.asked), len(sub.known.differs)) == (0, 0, 0)


async def test_a_client_that_nacks_for_ever_harms_nobody() -> None:
    cache, events = Cache(), Events()
    cache.set("node", snapshot(a_cluster("a")))
    server = XdsServer(cache, on_event=events)
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        angry, good = open_stream(channel), open_stream(channel)
        for stream in (angry, good):
            await first_answer(stream, request(node=NODE))
        error = rpc.Status(code=3, message="never")
        for number in range(1, 30):
            nonce = str(number)
            await angry.write(request(response_nonce=nonce, error_detail=error))
            await good.write(request(response_nonce=nonce))
            await events.until(
                lambda n=number: len(events.of(Nacked)) == len(events.of(Acked)) == n
            )
            cache.set("node", snapshot(a_cluster("a", nonce)))
            for stream in (angry, good):
                assert (await first_answer(stream)).nonce == str(number + 1)
        assert len(events.of(Sent)) == 60
    await server.stop()


async def test_a_hundred_thousand_names_are_refused_on_delta_too_at_once_or_one_by_one() -> None:
    cache = Cache()
    server = XdsServer(cache)
    port = await server.start()

    def subscribing(names: Iterator[int], **more: Any) -> bytes:
        listed = [f"n{i}" for i in names]
        return mirror.serialize(
            discovery.DeltaDiscoveryRequest(
                type_url=ENDPOINT.type_url, resource_names_subscribe=listed, **more
            )
        )

    all_at_once = [subscribing(iter(range(100_000)), node=NODE)]
    steps = range(0, 100_000, 10_000)
    bit_by_bit = [subscribing(iter(range(i, i + 10_000)), node=NODE) for i in steps]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for requests, found in ((all_at_once, 100_000), (bit_by_bit[:7], 70_000)):
            code, told = await refusal(open_stream(channel, "DeltaAggregatedResources"), *requests)
            assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert told == f"ClusterLoadAssignment: got {found} names, wanted at most 65536"
    await server.stop()


def test_a_name_that_is_asked_for_twice_at_once_is_answered_once() -> None:
    served = snapshot(an_assignment("a"))
    assert sotw() >> served >> wants(ENDPOINT, "a", "a") << sends(ENDPOINT, "a", nonce=1)
    assert delta() >> served >> asks(ENDPOINT, "a", "a") << sends(ENDPOINT, "a", nonce=1)


def test_a_name_that_comes_and_goes_in_one_request_is_wanted() -> None:
    book = delta()
    assert book >> snapshot(an_assignment("a"))
    assert book >> asks(ENDPOINT, "a", without=("a",)) << sends(ENDPOINT, "a", nonce=1)


def test_an_empty_snapshot_is_served_as_what_it_is() -> None:
    book = sotw()
    assert book >> snapshot() >> wants(CLUSTER) << sends(CLUSTER, nonce=1)
    assert book >> wants(CLUSTER, nonce=1)
    assert book >> wants(ENDPOINT, "a")
    assert book >> snapshot()
    other = delta()
    assert other >> snapshot() >> asks(CLUSTER) << sends(CLUSTER, nonce=1)
    assert other >> asks(CLUSTER, nonce=1)
    assert other >> asks(ENDPOINT, "a") << sends(ENDPOINT, nonce=2, removed=("a",))


def test_an_empty_snapshot_takes_away_what_was_there() -> None:
    book, other = sotw(), delta()
    full = snapshot(a_cluster("a"), an_assignment("b"))
    assert book >> full >> wants(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    assert book >> wants(CLUSTER, nonce=1)
    assert book >> snapshot() << sends(CLUSTER, nonce=2)
    assert other >> full >> asks(CLUSTER) << sends(CLUSTER, "a", nonce=1)
    assert other >> asks(CLUSTER, nonce=1)
    assert other >> snapshot() << sends(CLUSTER, nonce=2, removed=("a",))
    assert other >> asks(CLUSTER, nonce=2)
    assert other >> full << sends(CLUSTER, "a", nonce=3)


async def test_a_clock_that_jumps_is_told_as_it_is_and_stops_nothing() -> None:
    jumping = itertools.cycle((1e9, 0.0, -5e8, 2e9))
    cache, events = Cache(), Events()
    cache.set("node", snapshot(a_cluster("a")))
    server = XdsServer(cache, on_event=events, clock=lambda: next(jumping))
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = open_stream(channel)
        await first_answer(stream, request(node=NODE))
        for number in range(1, 40):
            await stream.write(request(response_nonce=str(number)))
            cache.set("node", snapshot(a_cluster("a", f"{number}")))
            assert (await first_answer(stream)).nonce == str(number + 1)
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    assert [len(events.of(kind)) for kind in (StreamOpened, Sent, StreamClosed)] == [1, 40, 1]
    await server.stop()


def test_heartbeats_go_by_a_clock_of_their_own_that_may_stand_still_or_leap() -> None:
    book = Playbook(DeltaSession(KNOWING, clock=lambda: 0.0))
    served_clusters(book)
    assert book.session.next_heartbeat(100.0) == pytest.approx(101.0)
    assert book.session.heartbeat(100.0) == []
    assert book.session.heartbeat(50.0) == []
    assert len(book.session.heartbeat(1e6)) == 1
    assert book.session.heartbeat(1e6) == []
