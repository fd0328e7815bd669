"""The doors of OTLP, as real senders meet them: over gRPC and over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import aiohttp
import grpc
import grpc.aio
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from mesh_traffic import Exchange
from tap.live.coverage import SourceCount
from tap.live.hub import Hub
from tap.sources.otlp import LOGS, MAX_MESSAGE, TRACES, Receiver, otlp_over_grpc
from tap.sources.otlp_http import PROTOBUF, otlp_over_http
from tests.tap.otlp.made import logs, pairs, span, traces

HTTP = {"http.request.method": "GET", "url.path": "/cart"}


@asynccontextmanager
async def door() -> AsyncIterator[tuple[int, Hub, list[Exchange]]]:
    kept: list[Exchange] = []
    hub = Hub(keep=kept.extend)
    async with otlp_over_grpc(Receiver(hub.otlp, hub.told), 0) as port:
        yield port, hub, kept


async def export(port: int, service: str, data: bytes, **more: object) -> bytes:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer: bytes = await channel.unary_unary(f"/{service}/Export")(data, **more)
        return answer


async def refused(port: int, service: str, data: bytes, **more: object) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await export(port, service, data, **more)
    return error.value.code()


def told_by_an_sdk(port: int) -> None:
    resource = Resource.create({"service.name": "shop", "service.version": "v1"})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with (
        tracer.start_as_current_span("GET /cart", kind=SpanKind.SERVER, attributes=HTTP),
        tracer.start_as_current_span("SELECT carts", kind=SpanKind.CLIENT),
    ):
        pass
    provider.shutdown()


async def test_a_real_sdks_spans_come() -> None:
    async with door() as (port, _, kept):
        await asyncio.to_thread(told_by_an_sdk, port)
    step, one = sorted(kept, key=lambda each: not each.is_step)
    assert (one.destination.service, one.version, one.request.path) == ("shop", "v1", "/cart")
    assert (step.request.path, step.source.service) == ("SELECT carts", "shop")
    assert step.trace.parent_span_id == one.trace.span_id


async def test_viewers_are_shown_requests_and_coverage_tells_who_else_was_heard() -> None:
    async with door() as (port, hub, kept):
        with hub.watch() as viewer:
            junk = span(attributes=HTTP)
            junk.span_id = b""
            sent = traces(span(attributes=HTTP), span(name="work", kind=1, id_=2), junk)
            answer = await export(port, TRACES, sent)
            coverage = viewer.coverage()
    assert ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans == 1
    assert (coverage.seen, coverage.lost) == (1, 1)
    assert coverage.sources == {"otlp trace": SourceCount(2, 1)}
    assert [one.is_step for one in kept] == [True, False]


async def test_records_come_and_other_logs_are_answered_as_well() -> None:
    async with door() as (port, _, kept):
        record = LogRecord(attributes=pairs({"method": "GET", "response_code": "200"}))
        assert await export(port, LOGS, logs(record, LogRecord())) == b""
    assert [one.status for one in kept] == [200]


async def test_a_message_that_is_too_large_is_refused_before_it_is_unpacked() -> None:
    async with door() as (port, hub, kept):
        for size, how in ((MAX_MESSAGE + 1, None), (64 << 20, grpc.Compression.Gzip)):
            code = await refused(port, TRACES, bytes(size), compression=how)
            assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await refused(port, LOGS, b"junk") is grpc.StatusCode.INVALID_ARGUMENT
        assert await export(port, TRACES, traces(span(attributes=HTTP))) == b""
    assert len(kept) == 1
    assert hub.coverage().sources["otlp log"] == SourceCount(0, 1)


async def test_who_sends_before_anybody_reads_is_told_to_come_again() -> None:
    async with otlp_over_grpc(Receiver(), 0) as port:
        assert await refused(port, TRACES, b"") is grpc.StatusCode.UNAVAILABLE


async def test_a_port_that_is_taken_is_told_with_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}: Address already in use"):
            async with otlp_over_grpc(Receiver(), port):
                pass


@asynccontextmanager
async def http_door() -> AsyncIterator[tuple[aiohttp.ClientSession, list[Exchange]]]:
    kept: list[Exchange] = []
    hub = Hub(keep=kept.extend)
    async with otlp_over_http(Receiver(hub.otlp, hub.told), 0) as port:
        headers = {"content-type": PROTOBUF}
        base = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession(base, headers=headers) as session:
            yield session, kept


@pytest.mark.parametrize("packed", [False, True])
async def test_over_http_it_is_a_post_of_the_same_message(packed: bool) -> None:
    data = traces(span(attributes=HTTP))
    async with http_door() as (session, kept):
        coding = {"content-encoding": "gzip"} if packed else {}
        body = gzip.compress(data) if packed else data
        async with session.post("/v1/traces", data=body, headers=coding) as answer:
            assert (answer.status, answer.content_type, await answer.read()) == (200, PROTOBUF, b"")
        record = logs(LogRecord(attributes=pairs({"method": "GET"})))
        async with session.post("/v1/logs", data=record) as answer:
            assert answer.status == 200
    assert [one.sources for one in kept] == [("otlp trace",), ("otlp log",)]


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"{}", {"content-type": "application/json"}, 415),
        (b"junk", {}, 400),
        (bytes(MAX_MESSAGE + 1), {}, 413),
        (gzip.compress(bytes(64 << 20)), {"content-encoding": "gzip"}, 413),
        (b"no gzip", {"content-encoding": "gzip"}, 400),
    ],
    ids=["json", "junk", "large", "bomb", "broken"],
)
async def test_over_http_what_is_not_taken_gets_its_status(
    data: bytes, headers: dict[str, str], status: int
) -> None:
    async with (
        http_door() as (session, kept),
        session.post("/v1/traces", data=BytesIO(data), headers=headers) as answer,
    ):
        assert answer.status == status
    assert kept == []
