"""The door of the load reporting service (LRS): asks clients for their load, and reads it.

``LoadReportingService`` of ``envoy/service/load_stats/v3/lrs.proto``::

    reports = LoadReports()
    await server.start(handlers=[Lrs(reports).handler()])

What is kept is decided in ``load_reports.py``. A client opens a stream, says who it is, and is
told once what to report how often.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

import grpc

from xds_server import mirror, protos
from xds_server.clients.addresses import text_of
from xds_server.clients.load_reports import (
    MAX_KEPT,
    MAX_PARTS,
    NOTHING,
    ClusterLoad,
    Load,
    LoadReports,
    Metric,
    Place,
)
from xds_server.errors import RemoteXdsError, WireError
from xds_server.node import NodeInfo
from xds_server.serving import wire

SERVICE = "envoy.service.load_stats.v3.LoadReportingService"
SEND_ALL = "envoy.lrs.supports_send_all_clusters"  # what a client that can do that says of itself

_OWN_METRICS = ("cpu_utilization", "mem_utilization", "application_utilization")


class Lrs:
    """The service; what it hears is recorded in ``reports``."""

    def __init__(self, reports: LoadReports) -> None:
        self._reports = reports

    def handler(self) -> Any:
        """What serves it: one of the ``handlers`` of ``XdsServer.start``."""
        stream = grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.method_handlers_generic_handler(SERVICE, {"StreamLoadStats": stream})

    async def _stream(self, requests: AsyncIterator[bytes], context: Any) -> None:
        try:
            await self._serve(requests, context)
        except RemoteXdsError as error:
            await context.abort(grpc.StatusCode[error.status], str(error))

    async def _serve(self, requests: AsyncIterator[bytes], context: Any) -> None:
        node: NodeInfo | None = None
        async for data in requests:
            request = parse(data)
            if node is None:
                node = _node(request)
                await context.write(wanted(self._reports, node))
            if request.cluster_stats:
                stats = islice(request.cluster_stats, MAX_KEPT)
                self._reports.record(node, map(cluster_load, stats))


def parse(data: bytes) -> Any:
    """A ``LoadStatsRequest``. Raises ``WireError`` for bytes that are none."""
    return mirror.parse(protos.load_stats.LoadStatsRequest, data)


def _node(request: Any) -> NodeInfo:
    node = wire.node_of(request)
    if node is None or not node.id:
        raise WireError("the first request of a stream names no node")
    return node


def wanted(reports: LoadReports, node: NodeInfo) -> bytes:
    """The ``LoadStatsResponse`` that tells a client what to report.

    Raises ``RemoteXdsError`` (FAILED_PRECONDITION) for a client that has to be told the clusters'
    names where none are known.
    """
    clusters = reports.clusters
    if clusters is None and SEND_ALL not in node.client_features:
        raise RemoteXdsError(
            f"{node.id}: the client does not support {SEND_ALL}, and no clusters are named",
            "FAILED_PRECONDITION",
        )
    return mirror.serialize(
        protos.load_stats.LoadStatsResponse(
            clusters=sorted(clusters or ()),
            send_all_clusters=clusters is None,
            load_reporting_interval=timedelta(seconds=reports.interval),
            report_endpoint_granularity=reports.endpoints,
        )
    )


def cluster_load(stats: Any) -> ClusterLoad:
    """A ``ClusterStats`` message as a noun; parts beyond ``MAX_PARTS`` are left out."""
    localities: dict[Place, Load] = {}
    endpoints: dict[str, Load] = {}
    for each in islice(stats.upstream_locality_stats, MAX_PARTS):
        place, load = _place(each), _load(each, _OWN_METRICS)
        localities[place] = localities.get(place, NOTHING).beside(load)
        for one in islice(each.upstream_endpoint_stats, MAX_PARTS - len(endpoints)):
            endpoints[text_of(one.address)] = _load(one)
    return ClusterLoad(
        stats.cluster_name,
        stats.cluster_service_name,
        stats.load_report_interval.ToNanoseconds() / 1e9,
        localities,
        endpoints,
        stats.total_dropped_requests,
        {e.category: e.dropped_count for e in islice(stats.dropped_requests, MAX_PARTS)},
    )


def _place(stats: Any) -> Place:
    place = stats.locality
    return Place(place.region, place.zone, place.sub_zone, stats.priority)


def _load(stats: Any, own: Iterable[str] = ()) -> Load:
    return Load(
        stats.total_issued_requests,
        stats.total_successful_requests,
        stats.total_error_requests,
        stats.total_requests_in_progress,
        _metrics(stats, own),
    )


def _metrics(stats: Any, own: Iterable[str]) -> Mapping[str, Metric]:
    """Those that have a field of their own, under its name, and those that have a name."""
    found = {name: getattr(stats, name) for name in own if stats.HasField(name)}
    found |= {e.metric_name: e for e in islice(stats.load_metric_stats, MAX_PARTS)}
    return {
        name: Metric(each.num_requests_finished_with_metric, each.total_metric_value)
        for name, each in found.items()
    }
