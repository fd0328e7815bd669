"""Metrics: what a story of events adds up to, and what a living Envoy did."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from prometheus_client.parser import text_string_to_metric_families

from tests.xds_server.playbook import CLUSTER, ENDPOINT, NODE
from tests.xds_server.real_envoy import Events, running_envoy
from tests.xds_server.resources import answering, eds_cluster, endpoints, rds_listener, weighted
from xds_server.cache import Cache
from xds_server.events import Acked, Event, Nacked, NackRecord, Sent, StreamClosed, StreamOpened
from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType
from xds_server.serving.metrics import Metrics
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(node: NodeInfo = NODE, variant: str = "Delta") -> StreamOpened:
    return StreamOpened(node, variant, 0.0)


def closed(reason: str = "", status: str = "OK") -> StreamClosed:
    return StreamClosed(NODE, 0.0, reason, None, "Delta", status)


def sent(version: str, kind: ResourceType = CLUSTER, size: int = 100) -> Sent:
    return Sent(NODE, kind, version, ("a",), 0.0, size)


def nacked(resource: str) -> Nacked:
    return Nacked(NackRecord(NODE, CLUSTER.type_url, "1", "no", resource), 0.0)


def shown(metrics: Metrics) -> dict[str, float]:
    """What a scrape shows that is not 0: ``name{label,…}`` and its value."""
    samples = [
        each
        for family in text_string_to_metric_families(metrics.text().decode())
        for each in family.samples
        if each.value and not each.name.endswith(("_created", "_bucket"))
    ]
    return {f"{each.name}{{{','.join(_labels(each.labels))}}}": each.value for each in samples}


def _labels(labels: Mapping[str, str]) -> list[str]:
    return [labels[name] for name in ("variant", "reason", "type") if name in labels]


def told(*events: Event, cache: Cache | None = None) -> Metrics:
    metrics = Metrics(cache or Cache())
    for each in events:
        metrics.record(each)
    return metrics


def test_responses_and_their_bytes_are_counted_by_type() -> None:
    ack = Acked(NODE, CLUSTER, "1", 0.0)
    metrics = told(opened(), sent("1"), ack, sent("2", size=50), sent("1", ENDPOINT, 7))
    assert shown(metrics) == {
        "xds_clients{Delta}": 1.0,
        "xds_streams_opened_total{Delta}": 1.0,
        "xds_responses_total{Cluster}": 2.0,
        "xds_response_bytes_total{Cluster}": 150.0,
        "xds_acks_total{Cluster}": 1.0,
        "xds_responses_total{ClusterLoadAssignment}": 1.0,
        "xds_response_bytes_total{ClusterLoadAssignment}": 7.0,
        "xds_pending_responses{}": 2.0,
    }


def test_a_nack_that_names_two_resources_is_one() -> None:
    metrics = told(opened(), sent("1"), nacked("a"), nacked("b"))
    assert shown(metrics)["xds_nacks_total{Cluster}"] == 1.0
    assert "xds_pending_responses{}" not in shown(metrics)


def test_nothing_is_remembered_of_a_client_that_is_gone() -> None:
    metrics = told(opened(), sent("1"), closed())
    assert metrics.clients() == 0
    counted = shown(metrics)
    assert counted["xds_streams_closed_total{Delta,gone}"] == 1.0
    assert "xds_clients{Delta}" not in counted
    assert "xds_pending_responses{}" not in counted


def test_a_refused_stream_is_counted_by_its_status() -> None:
    metrics = told(opened(), closed("64 responses wait", "RESOURCE_EXHAUSTED"))
    assert shown(metrics)["xds_streams_closed_total{Delta,RESOURCE_EXHAUSTED}"] == 1.0


def test_a_client_with_two_streams_is_one_client_until_both_are_closed() -> None:
    metrics = told(opened(), opened())
    assert shown(metrics)["xds_clients{Delta}"] == 1.0
    metrics.record(closed())
    assert shown(metrics)["xds_clients{Delta}"] == 1.0
    metrics.record(closed())
    assert metrics.clients() == 0


def test_the_time_of_a_push_runs_from_the_cache_to_the_ack() -> None:
    clock = Clock()
    cache = Cache(clock=clock)
    clock.now = 10.0
    cache.set(NODE.id, Snapshot.of([]))
    first = [opened(), sent("1"), Acked(NODE, CLUSTER, "1", 100.0)]
    metrics = told(*first, cache=cache)
    assert "xds_push_seconds_count{Cluster}" not in shown(metrics)  # asked for, not pushed
    clock.now = 200.0
    cache.set(NODE.id, Snapshot.of([]))
    metrics.record(sent("2"))
    metrics.record(Acked(NODE, CLUSTER, "2", 200.25))
    assert shown(metrics)["xds_push_seconds_count{Cluster}"] == 1.0
    assert shown(metrics)["xds_push_seconds_sum{Cluster}"] == 0.25


def test_a_clock_that_is_set_back_counts_as_no_time() -> None:
    clock = Clock()
    cache = Cache(clock=clock)
    clock.now = 200.0
    cache.set(NODE.id, Snapshot.of([]))
    ack = Acked(NODE, CLUSTER, "2", 150.0)
    metrics = told(opened(), sent("1"), sent("2"), ack, cache=cache)
    assert shown(metrics)["xds_push_seconds_count{Cluster}"] == 1.0
    assert "xds_push_seconds_sum{Cluster}" not in shown(metrics)


def test_two_servers_in_one_process_count_for_themselves() -> None:
    one, other = told(opened()), told()
    assert shown(one)["xds_clients{Delta}"] == 1.0
    assert shown(other) == {}


def snapshot_of(port: int, routes: Resource | None = None) -> Snapshot:
    routes = routes or answering("one")
    return Snapshot.of([eds_cluster("a"), endpoints("a", port), rds_listener(), routes])


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[int, Cache, Metrics, Events]]:
    """A server whose events are counted: its port and all that belongs to it."""
    cache, events = Cache(), Events()
    metrics = Metrics(cache)

    def hear(event: Event) -> None:
        metrics.record(event)
        events(event)

    server = XdsServer(cache, on_event=hear)
    port = await server.start()
    try:
        yield port, cache, metrics, events
    finally:
        await server.stop()


async def test_what_an_envoy_did_is_counted() -> None:
    async with counting() as (port, cache, metrics, events):
        first = snapshot_of(80)
        cache.set("node", first)
        async with running_envoy(port, "node", "Delta"):
            await events.until(lambda: events.status.applied("node", first))
            second = snapshot_of(81)
            cache.set("node", second)
            await events.until(lambda: events.status.applied("node", second))
            cache.set("node", snapshot_of(81, weighted({"a": 0})))
            await events.until(lambda: bool(events.of(Nacked)))
            counted = shown(metrics)
        await events.until(lambda: bool(events.of(StreamClosed)))
    assert counted["xds_clients{Delta}"] == counted["xds_streams_opened_total{Delta}"] == 1.0
    assert counted["xds_acks_total{ClusterLoadAssignment}"] == 2.0
    assert counted["xds_push_seconds_count{ClusterLoadAssignment}"] == 1.0
    assert 0 < counted["xds_push_seconds_sum{ClusterLoadAssignment}"] < 5
    assert counted["xds_nacks_total{RouteConfiguration}"] == 1.0
    assert "xds_pending_responses{}" not in counted
    sizes = [each.size for each in events.of(Sent) if each.type is ENDPOINT]
    assert counted["xds_response_bytes_total{ClusterLoadAssignment}"] == sum(sizes)
    assert min(sizes) > len(endpoints("a", 80).body)
    assert "xds_clients{Delta}" not in shown(metrics)
