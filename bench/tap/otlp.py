"""What a span and a record of a log cost, from the bytes of a message to what may be shown.

    .venv/bin/python bench/tap/otlp.py [--spans N]

Spans as an Envoy and as SDKs send them, 512 in a message, on one core: read, made exchanges,
redacted. Beside it, what a tree of many spans costs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from mesh_traffic import Exchange
from tap.live.hub import Hub
from tap.otlp.reader import Told
from tap.topology import Endpoint, Topology
from tap.tree.hops import hops_of

BATCH = 512  # spans in a message, as SDKs' batches have
BUDGET = 66.0  # µs of one exchange at 15,000 a second

ENVOY = {
    "node_id": "web-v1", "zone": "", "guid:x-request-id": "8b9fa15a-a0a6-bf08-ae1b-8a0ebb7d8a65",
    "http.url": "http://web.test:8080/cart/7?item=1", "http.method": "GET",
    "downstream_cluster": "-", "user_agent": "curl/8.5.0", "http.protocol": "HTTP/1.1",
    "peer.address": "127.0.0.1", "request_size": "0", "response_size": "334",
    "component": "proxy", "upstream_cluster": "web", "upstream_cluster.name": "web",
    "http.status_code": "200", "response_flags": "-",
}  # fmt: skip
SERVER = {
    "http.request.method": "GET", "url.path": "/cart/7", "url.query": "item=1",
    "url.scheme": "http", "http.route": "/cart/{id}", "server.address": "web",
    "server.port": "8080", "network.peer.address": "127.0.0.1", "network.peer.port": "40001",
    "network.protocol.version": "1.1", "user_agent.original": "curl/8.5.0",
    "http.response.status_code": "200",
}  # fmt: skip
QUERY = {
    "db.system.name": "postgresql", "db.query.text": "SELECT * FROM carts WHERE id = $1",
    "db.collection.name": "carts", "server.address": "db",
}  # fmt: skip
KINDS: dict[str, tuple[int, dict[str, str]]] = {
    "of an Envoy": (2, ENVOY), "of a server": (2, SERVER), "of a query": (3, QUERY),
}  # fmt: skip


def pairs(of: dict[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=it)) for key, it in of.items()]


def span(number: int, kind: int, attributes: dict[str, str], parent: int = 0) -> Span:
    return Span(
        trace_id=(7).to_bytes(16), span_id=(number + 1).to_bytes(8), name="GET /cart/{id}",
        parent_span_id=parent.to_bytes(8) if parent else b"", kind=Span.SpanKind.Name(kind),
        start_time_unix_nano=10**18 + number, end_time_unix_nano=10**18 + 10**7,
        attributes=pairs(attributes),
    )  # fmt: skip


def message(spans: Iterable[Span]) -> bytes:
    resource = Resource(attributes=pairs({"service.name": "web", "service.version": "v1"}))
    found = ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])
    return ExportTraceServiceRequest(resource_spans=[found]).SerializeToString()


def records() -> bytes:
    fields = {
        "method": "GET", "path": "/cart/7?item=1", "response_code": "200", "duration": "12",
        "request_id": "8b9fa15a-a0a6-bf08-ae1b-8a0ebb7d8a65", "authority": "web.test",
        "upstream_cluster": "web", "upstream_host": "127.0.0.1:8080", "response_flags": "-",
    }  # fmt: skip
    found = [LogRecord(time_unix_nano=10**18, attributes=pairs(fields)) for _ in range(BATCH)]
    resource = Resource(attributes=pairs({"node_name": "edge", "log_name": "x"}))
    logs = ResourceLogs(resource=resource, scope_logs=[ScopeLogs(log_records=found)])
    return ExportLogsServiceRequest(resource_logs=[logs]).SerializeToString()


def microseconds(read: Callable[[bytes], Told], hub: Hub, data: bytes, spans: int) -> float:
    """Of one span, in the quickest message: other work on the machine only slows one down."""
    best = float("inf")
    for _ in range(max(1, spans // BATCH)):
        began = time.process_time()
        hub.told(list(read(data).exchanges))
        best = min(best, time.process_time() - began)
    return best / BATCH * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=20_000)
    spans: int = parser.parse_args().spans
    kept: list[Exchange] = []

    def keep(exchanges: list[Exchange]) -> None:
        kept[:] = exchanges

    hub = Hub(topology=Topology(endpoints={"r:80": Endpoint("web", "v1")}), keep=keep)
    reader = hub.otlp
    told: dict[str, Any] = {
        name: (reader.traces, message(span(n, kind, found) for n in range(BATCH)))
        for name, (kind, found) in KINDS.items()
    }
    for name, (read, data) in {**told, "a record of a log": (reader.logs, records())}.items():
        spent = microseconds(read, hub, data, spans)
        print(f"{name:18} {len(data) / BATCH:5.0f} bytes   {spent:5.1f} µs, of {BUDGET:.0f}")
    chain = message(span(n, 2 + n % 2, SERVER, n) for n in range(2_000))
    exchanges = list(reader.traces(chain).exchanges)
    began = time.process_time()
    hops_of(exchanges)
    print(f"a tree of {len(exchanges):,} spans   {(time.process_time() - began) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
