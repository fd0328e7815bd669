"""Spans and records made by hand, as bytes that a sender would send."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from mesh_traffic import Exchange
from tap.otlp.attributes import Names
from tap.otlp.reader import Reader
from tap.redact import Redactor
from tap.topology import Endpoint, Topology

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = range(1, 6)
TOPOLOGY = Topology(endpoints={"r:80": Endpoint("reviews", "v2")})


def value(of: Any) -> AnyValue:
    match of:
        case bool():
            return AnyValue(bool_value=of)
        case int():
            return AnyValue(int_value=of)
        case float():
            return AnyValue(double_value=of)
        case bytes():
            return AnyValue(bytes_value=of)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(value, of)))
        case _:
            return AnyValue(string_value=of)


def pairs(of: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(one)) for key, one in of.items()]


def span(kind: int = SERVER, name: str = "GET /", id_: int = 1, **more: Any) -> Span:
    """``attributes``, ``parent`` and ``failed`` are for more."""
    return Span(
        trace_id=more.get("trace", 7).to_bytes(16),
        span_id=id_.to_bytes(8),
        parent_span_id=more["parent"].to_bytes(8) if "parent" in more else b"",
        name=name,
        kind=Span.SpanKind.Name(kind),
        start_time_unix_nano=10_000_000_000,
        end_time_unix_nano=10_250_000_000,
        attributes=pairs(more.get("attributes", {})),
        status=Status(code=Status.STATUS_CODE_ERROR if more.get("failed") else 0),
    )


def traces(*spans: Span, **sender: str) -> bytes:
    sender = {"service.name": "shop"} | {key.replace("_", "."): it for key, it in sender.items()}
    resource = Resource(attributes=pairs(sender))
    scope = ScopeSpans(spans=spans)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]
    ).SerializeToString()


def logs(*records: LogRecord, **sender: str) -> bytes:
    resource = Resource(attributes=pairs(sender))
    scope = ScopeLogs(log_records=records)
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource, scope_logs=[scope])]
    ).SerializeToString()


def reader(captured: frozenset[str] = frozenset()) -> Reader:
    ids = (f"{number:04x}" for number in range(1, 1 << 20))
    return Reader(ids, Names(Redactor(), TOPOLOGY), captured.__contains__)


def only(*spans: Span, **sender: str) -> Exchange:
    """The exchange of one span."""
    (found,) = reader().traces(traces(*spans, **sender)).exchanges
    return found
