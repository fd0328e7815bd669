"""The cache goes back to what every node accepted, and a real Envoy with it."""

from __future__ import annotations

import pytest

from tests.xds_server.playbook import CLUSTER, a_cluster, snapshot
from tests.xds_server.real_envoy import Events, running_envoy
from tests.xds_server.resources import ADS, answering, http_listener, rds_listener
from xds_server.cache import Cache
from xds_server.events import Acked, Event, Nacked, NackRecord, Sent, StreamClosed, StreamOpened
from xds_server.node import NodeInfo
from xds_server.protos import hcm
from xds_server.releases import NoRelease, release_id
from xds_server.resource import Resource, ResourceType
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

A, B = NodeInfo("a"), NodeInfo("b")
OLD, NEW, BAD = (snapshot(a_cluster("c", each)) for each in ("old", "new", "bad"))
ROUTES = hcm.Rds(config_source=ADS, route_config_name="routes")


def accepts(cache: Cache, node: NodeInfo, served: Snapshot) -> None:
    version = served.version(CLUSTER)
    cache.record(Sent(node, CLUSTER, version, (), 0.0))
    cache.record(Acked(node, CLUSTER, version, 0.0))


def refuses(cache: Cache, node: NodeInfo, served: Snapshot) -> None:
    version = served.version(CLUSTER)
    cache.record(Nacked(NackRecord(node, CLUSTER.type_url, version, "no"), 0.0))


def with_nodes(*nodes: NodeInfo) -> Cache:
    cache = Cache(clock=lambda: 7.0)
    for node in nodes:
        cache.record(StreamOpened(node, "Delta", 0.0))
        cache.watch("g", lambda served: None, node)
    return cache


def test_rollback_serves_what_all_nodes_of_the_group_accepted() -> None:
    cache = with_nodes(A, B)
    for served in (OLD, NEW, BAD):
        cache.set("g", served)
        accepts(cache, A, served)
        if served is OLD:
            accepts(cache, B, served)
    told: list[Snapshot] = []
    cache.watch("g", told.append)
    back = cache.rollback("g")
    assert (back.content, cache.get("g"), told) == (OLD, OLD, [OLD])
    assert (back.id, back.instead_of) == (release_id(OLD), release_id(BAD))
    assert [each.outcome for each in cache.releases("g")] == ["open", "withdrawn", "good"]


def test_what_was_set_in_its_place_on_purpose_is_not_come_back_to() -> None:
    cache = with_nodes(A)
    for served, withdraw in ((NEW, False), (BAD, False), (OLD, True)):
        cache.set("g", served, withdraw)
        accepts(cache, A, served)
    assert cache.rollback("g").content is NEW


def test_a_refusal_is_kept_with_the_snapshot_that_it_is_about() -> None:
    cache = with_nodes(A, B)
    cache.set("g", OLD)
    cache.set("g", BAD)
    refuses(cache, B, OLD)
    refuses(cache, A, BAD)
    one, two = cache.releases("g")
    assert (list(one.refused), list(two.refused)) == (["b"], ["a"])
    assert two.refused["a"] == "NACK from a: Cluster: no"


def test_where_there_is_no_way_back_it_says_so_and_goes_on() -> None:
    cache = with_nodes(A)
    with pytest.raises(NoRelease, match="^h: nothing was served to this group yet$"):
        cache.rollback("h")
    cache.set("g", BAD)
    with pytest.raises(NoRelease, match="^g: no earlier config was accepted by every node$"):
        cache.rollback("g")
    assert cache.get("g") is BAD


def test_a_node_that_went_away_is_not_waited_for() -> None:
    cache = Cache()
    cancel = cache.watch("g", lambda served: None, B)
    cache.watch("g", lambda served: None, A)
    for served in (OLD, NEW):
        cache.set("g", served)
        accepts(cache, A, served)
        cancel()
        cache.record(StreamClosed(B, 0.0))
    assert cache.rollback("g").content is OLD


def test_a_client_that_refuses_for_ever_costs_one_response_and_one_line_of_history() -> None:
    cache = with_nodes(A)
    cache.set("g", BAD)
    for _ in range(1_000):
        refuses(cache, A, BAD)
    (release,) = cache.releases("g")
    assert list(release.refused) == ["a"]


def front(word: str, *more: Resource) -> Snapshot:
    return snapshot(rds_listener(), answering(word), *more)


def broken() -> Resource:
    """A listener that Envoy takes apart only to find that its filter does not exist."""
    return http_listener("other", filters=[hcm.HttpFilter(name="nobody.knows.it")], rds=ROUTES)


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_what_was_taken_of_a_refused_snapshot_is_taken_back(variant: str) -> None:
    cache, events = Cache(), Events()
    server = XdsServer(cache, on_event=events)
    port = await server.start()
    cache.set("e", front("old"))
    async with running_envoy(port, "e", variant) as envoy:
        await events.until(lambda: cache.releases("e")[-1].good)
        await envoy.until_listening()
        assert await envoy.get() == (200, "old")
        cache.set("e", front("new", broken()))
        await events.until(lambda: bool(events.of(Nacked)))
        await envoy.until_served("new")
        before = len(events.all)
        cache.rollback("e")
        await events.until(lambda: cache.status.applied("e", front("old")))
        await envoy.until_served("old")
        assert kinds(events.all[before:], Acked) >= {ResourceType.ROUTE}
        assert len(events.of(Nacked)) == 1
        cache.set("e", front("newer"))
        await envoy.until_served("newer")
    await server.stop()


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_a_listener_may_take_its_group_back_at_once(variant: str) -> None:
    cache, events = Cache(), Events()

    def heard(event: Event) -> None:
        events(event)
        if isinstance(event, Nacked):
            cache.rollback("e")

    server = XdsServer(cache, on_event=heard)
    port = await server.start()
    cache.set("e", front("old"))
    async with running_envoy(port, "e", variant) as envoy:
        await events.until(lambda: cache.releases("e")[-1].good)
        await envoy.until_listening()
        cache.set("e", front("new", broken()))
        await events.until(lambda: bool(events.of(Nacked)))
        await events.until(lambda: cache.status.applied("e", front("old")))
        await envoy.until_served("old")
        assert [each.outcome for each in cache.releases("e")] == ["withdrawn", "good"]
    await server.stop()


def kinds(events: list[Event], of: type[Acked]) -> set[ResourceType]:
    return {event.type for event in events if isinstance(event, of)}
