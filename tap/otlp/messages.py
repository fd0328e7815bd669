"""The door to ``opentelemetry-proto``: OTLP's messages, read and written by protobuf's C core.

Source: OpenTelemetry Protocol 1.10, ``opentelemetry.proto.collector``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class OtlpError(ValueError):
    """Bytes that are no message of OTLP; the message says of which."""


def traces(data: bytes) -> ExportTraceServiceRequest:
    """Raises OtlpError. Imported late: most meshes are told of no traces."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        return ExportTraceServiceRequest.FromString(data)
    except DecodeError as error:
        raise OtlpError(f"{len(data)} bytes are no ExportTraceServiceRequest") from error


def logs(data: bytes) -> ExportLogsServiceRequest:
    """Raises OtlpError."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    try:
        return ExportLogsServiceRequest.FromString(data)
    except DecodeError as error:
        raise OtlpError(f"{len(data)} bytes are no ExportLogsServiceRequest") from error


def traces_answer(refused: int, why: str) -> bytes:
    """What the sender of spans is told: how many were refused (OTLP, "Partial Success")."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace

    partial = trace.ExportTracePartialSuccess(rejected_spans=refused, error_message=why)
    told = trace.ExportTraceServiceResponse(partial_success=partial if refused else None)
    return told.SerializeToString()


def logs_answer(refused: int, why: str) -> bytes:
    """The same for log records."""
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as log

    partial = log.ExportLogsPartialSuccess(rejected_log_records=refused, error_message=why)
    told = log.ExportLogsServiceResponse(partial_success=partial if refused else None)
    return told.SerializeToString()
