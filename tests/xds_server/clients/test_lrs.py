"""The load reporting service: real Envoys and a proxyless gRPC client say what they did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.xds_server.playbook import CLUSTER
from tests.xds_server.real_envoy import Waiting, running_envoy, upstream
from tests.xds_server.resources import ADS, eds_cluster, endpoints, rds_listener
from tests.xds_server.test_grpcio import echo, grpc_client
from tests.xds_server.test_grpcio import mesh as grpc_mesh
from tests.xds_server.test_real_envoy import Plane, control_plane
from xds_server import mirror
from xds_server.clients.load_reports import Load, LoadReport, LoadReports, Metric, Place
from xds_server.clients.lrs import SERVICE, Lrs, cluster_load, wanted
from xds_server.node import NodeInfo
from xds_server.protos import cluster, core, endpoint, envoy_type, load_stats, route
from xds_server.resource import Resource

REPORTS = {
    "cluster_manager": {
        "load_stats_config": {
            "api_type": "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
        }
    }
}


class Heard(Waiting):
    """What was reported, and a way to wait for what it adds up to."""

    def __init__(self, **asked: Any) -> None:
        super().__init__()
        self.reports = LoadReports(on_report=self._heard, **asked)

    def _heard(self, report: LoadReport) -> None:
        self._changed.set()

    def requests(self, cluster: str = "a") -> Load:
        totals = self.reports.totals()
        return totals[cluster].requests if cluster in totals else Load()


@asynccontextmanager
async def listening(heard: Heard) -> AsyncIterator[Plane]:
    lrs = Lrs(heard.reports)
    async with control_plane(services=lambda server: [lrs.handler()]) as plane:
        yield plane


def routes(**clusters: str) -> Resource:
    """Each path leads to a cluster."""
    entries = [
        route.Route(
            match=route.RouteMatch(prefix=f"/{path}"), route=route.RouteAction(cluster=name)
        )
        for path, name in clusters.items()
    ]
    host = route.VirtualHost(name="all", domains=["*"], routes=entries)
    return Resource.of(route.RouteConfiguration(name="routes", virtual_hosts=[host]))


async def test_every_request_through_an_envoy_is_counted_once() -> None:
    """From its first report of a cluster on: Envoy 1.40 forgets what the cluster did before."""
    heard = Heard(interval=0.05, endpoints=True)
    async with (
        listening(heard) as plane,
        running_envoy(plane.port, "node", "Delta", REPORTS) as envoy,
        upstream("a") as a,
    ):
        closed = endpoints("dead", 1)
        clusters = [eds_cluster("a"), endpoints("a", a), eds_cluster("dead"), closed]
        await plane.applied(*clusters, rds_listener(), routes(a="a", dead="dead"))
        await envoy.until_listening()
        await heard.until(lambda: heard.reports.totals().keys() >= {"a", "dead"})
        asked = [("/a", 200)] * 20 + [("/dead", 503)] * 3
        assert [(path, (await envoy.get(path))[0]) for path, _ in asked] == asked
        await heard.until(
            lambda: (heard.requests().issued, heard.requests("dead").failed) == (20, 3)
        )
        assert heard.requests() == Load(issued=20, succeeded=20)
        assert heard.requests("dead").succeeded == 0
        assert heard.requests("xds").in_progress == 2  # this stream, and that of its config
        totals = heard.reports.totals("node")["a"]
        assert totals.localities.keys() == {Place()}
        assert totals.endpoints == {f"127.0.0.1:{a}": Load(20, 20)}
        last = heard.reports.last("node")
        assert last
        assert last.node.cluster == "test"


async def test_only_the_clusters_that_are_named_are_reported() -> None:
    heard = Heard(interval=0.05, clusters=["b"])
    async with (
        listening(heard) as plane,
        running_envoy(plane.port, "node", "SotW", REPORTS) as envoy,
        upstream("a") as a,
    ):
        clusters = [each for name in "ab" for each in (eds_cluster(name), endpoints(name, a))]
        await plane.applied(*clusters, rds_listener(), routes(a="a", b="b"))
        await envoy.until_listening()
        await heard.until(lambda: bool(heard.reports.totals()))
        for path in ("/a", "/b"):
            assert (await envoy.get(path))[0] == 200
        await heard.until(lambda: heard.requests("b") == Load(1, 1))
        assert heard.reports.totals().keys() == {"b"}
        assert heard.reports.totals()["b"].endpoints == {}


@asynccontextmanager
async def busy_upstream() -> AsyncIterator[int]:
    """It says of itself how busy it is (ORCA), with each answer."""
    report = b"TEXT cpu_utilization=0.5,named_metrics.queue=3"
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nendpoint-load-metrics: " + report

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(head + b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_drops_and_what_upstream_hosts_say_of_themselves_are_reported() -> None:
    heard = Heard(interval=0.05)
    async with (
        listening(heard) as plane,
        running_envoy(plane.port, "node", "Delta", REPORTS) as envoy,
        busy_upstream() as port,
    ):
        busy = Resource.of(
            cluster.Cluster(
                name="busy",
                type=cluster.ClusterDiscoveryType.EDS,
                eds_cluster_config=cluster.ClusterEdsClusterConfig(eds_config=ADS),
                lrs_report_endpoint_metrics=["cpu_utilization", "named_metrics.queue"],
            )
        )
        policy = endpoint.ClusterLoadAssignmentPolicy(
            drop_overloads=[
                endpoint.ClusterLoadAssignmentPolicyDropOverload(
                    category="throttle", drop_percentage=envoy_type.FractionalPercent(numerator=100)
                )
            ]
        )
        full = endpoint.ClusterLoadAssignment(cluster_name="full", policy=policy)
        clusters = [busy, endpoints("busy", port), eds_cluster("full"), Resource.of(full)]
        await plane.applied(*clusters, rds_listener(), routes(busy="busy", full="full"))
        await envoy.until_listening()
        await heard.until(lambda: heard.reports.totals().keys() >= {"busy", "full"})
        for path, status in [("/busy", 200)] * 4 + [("/full", 503)] * 3:
            assert (await envoy.get(path))[0] == status
        await heard.until(
            lambda: (
                heard.requests("busy").issued == 4 and heard.reports.totals()["full"].dropped > 2
            )
        )
        assert heard.requests("busy").metrics == {
            "cpu_utilization": Metric(4, 2.0),
            "named_metrics.queue": Metric(4, 12.0),
        }
        assert heard.reports.totals()["full"].dropped_by == {"throttle": 3}


async def test_a_grpc_client_reports_to_the_server_that_it_has_its_clusters_from() -> None:
    heard = Heard(interval=0.1)
    async with listening(heard) as plane, echo("!") as port:
        reporting = Resource.of(
            cluster.Cluster(
                name="a",
                type=cluster.ClusterDiscoveryType.EDS,
                eds_cluster_config=cluster.ClusterEdsClusterConfig(eds_config=ADS),
                lrs_server=core.ConfigSource(self=core.SelfConfigSource()),
            )
        )
        others = [each for each in grpc_mesh(port) if each.type is not CLUSTER]
        plane.serve(*others, reporting)
        async with grpc_client(plane.port) as client:
            for _ in range(5):
                assert await client.say("hi") == "hi!"
            await heard.until(lambda: heard.requests().succeeded == 5)
            assert heard.requests() == Load(issued=5, succeeded=5)
            assert heard.reports.totals()["a"].localities.keys() == {Place(region="here")}


def test_a_report_is_read_with_all_that_is_in_it() -> None:
    named = endpoint.EndpointLoadMetricStats(
        metric_name="queue", num_requests_finished_with_metric=2, total_metric_value=7.0
    )
    unnamed = endpoint.UnnamedEndpointLoadMetricStats(
        num_requests_finished_with_metric=1, total_metric_value=0.5
    )
    host = core.Address(socket_address=core.SocketAddress(address="::1", port_value=80))
    place = endpoint.UpstreamLocalityStats(
        locality=core.Locality(region="r", zone="z", sub_zone="s"),
        priority=1,
        total_issued_requests=4,
        total_successful_requests=2,
        total_error_requests=1,
        total_requests_in_progress=3,
        cpu_utilization=unnamed,
        load_metric_stats=[named],
        upstream_endpoint_stats=[
            endpoint.UpstreamEndpointStats(address=host, total_issued_requests=4)
        ],
    )
    stats = endpoint.ClusterStats(
        cluster_name="a",
        cluster_service_name="a.eds",
        upstream_locality_stats=[place],
        total_dropped_requests=5,
        dropped_requests=[
            endpoint.ClusterStatsDroppedRequests(category="throttle", dropped_count=2)
        ],
        load_report_interval=timedelta(seconds=2.5),
    )
    read = cluster_load(mirror.parse(endpoint.ClusterStats, mirror.serialize(stats)))
    metrics = {"cpu_utilization": Metric(1, 0.5), "queue": Metric(2, 7.0)}
    assert (read.cluster, read.service, read.seconds) == ("a", "a.eds", 2.5)
    assert read.localities == {Place("r", "z", "s", 1): Load(4, 2, 1, 3, metrics)}
    assert read.endpoints == {"[::1]:80": Load(4)}
    assert (read.dropped, read.dropped_by) == (5, {"throttle": 2})


def test_who_has_to_be_told_the_clusters_is_told_them() -> None:
    told = wanted(LoadReports(clusters=["b", "a"], interval=0.5), NodeInfo("old"))
    assert mirror.render(
        "type.googleapis.com/envoy.service.load_stats.v3.LoadStatsResponse", told
    ) == {
        "clusters": ["a", "b"],
        "load_reporting_interval": "0.500s",
    }


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT, "no LoadStatsRequest"),
        (
            mirror.serialize(load_stats.LoadStatsRequest()),
            grpc.StatusCode.INVALID_ARGUMENT,
            "names no node",
        ),
        (
            mirror.serialize(load_stats.LoadStatsRequest(node=core.Node(id="old"))),
            grpc.StatusCode.FAILED_PRECONDITION,
            "old: the client does not support envoy.lrs.supports_send_all_clusters",
        ),
    ],
)
async def test_who_can_not_be_asked_is_told_why(
    request_: bytes, code: grpc.StatusCode, text: str
) -> None:
    async with listening(Heard()) as plane:
        error = await _refused(plane.port, [request_])
        assert error.code() is code
        assert text in str(error.details())


async def _refused(port: int, requests: Iterable[bytes]) -> grpc.aio.AioRpcError:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream(f"/{SERVICE}/StreamLoadStats")(iter(requests))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(call))
        return refused.value
