"""What is refused, what is known already, and what junk does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tap.live.coverage import SourceCount
from tap.otlp.messages import OtlpError
from tap.otlp.reader import MAX_ITEMS
from tests.tap.otlp.made import CLIENT, SERVER, logs, pairs, reader, span, traces

HTTP = {"http.request.method": "GET", "url.path": "/"}
ENVOY = {
    "component": "proxy",
    "node_id": "reviews-v1",
    "http.method": "GET",
    "http.url": "http://reviews/1",
    "guid:x-request-id": "r-1",
}


def test_a_span_without_valid_ids_is_refused_and_the_sender_is_told() -> None:
    one, short, zero = reader(), span(), span()
    short.span_id, zero.trace_id = b"123", bytes(16)
    told = one.traces(traces(span(attributes=HTTP), short, zero))
    assert len(list(told.exchanges)) == 1
    partial = ExportTraceServiceResponse.FromString(told.answer()).partial_success
    assert partial.rejected_spans == 2
    assert "16 bytes" in partial.error_message
    assert one.counted()["otlp trace"] == SourceCount(1, 2)


def test_more_than_a_message_may_have_is_refused() -> None:
    one = reader()
    told = one.traces(traces(*(span(id_=n + 1) for n in range(MAX_ITEMS + 5))))
    assert sum(1 for _ in told.exchanges) == MAX_ITEMS
    partial = ExportTraceServiceResponse.FromString(told.answer()).partial_success
    assert (partial.rejected_spans, partial.error_message) == (
        5, "a message may have 10,000 spans or records",
    )  # fmt: skip


def test_all_well_is_an_empty_answer() -> None:
    told = reader().traces(traces(span()))
    assert list(told.exchanges)
    assert told.answer() == b""


def test_spans_of_an_envoy_that_is_captured_are_steps_and_its_records_are_left_out() -> None:
    one = reader(captured=frozenset({"reviews-v1"}))
    (step,) = one.traces(traces(span(SERVER, attributes=ENVOY))).exchanges
    assert (step.is_step, step.trace.kind, step.request_id) == (True, "proxy", "r-1")
    record = LogRecord(attributes=pairs({"method": "GET"}))
    assert list(one.logs(logs(record, node_name="reviews-v1")).exchanges) == []


def test_spans_of_a_foreign_envoy_are_exchanges_but_those_of_its_tries() -> None:
    one = reader()
    of_try = span(CLIENT, "router reviews egress", 2, attributes={"component": "proxy"})
    asked, try_ = one.traces(traces(span(SERVER, attributes=ENVOY), of_try)).exchanges
    assert (asked.is_step, asked.node, asked.destination.service) == (
        False,
        "reviews-v1",
        "reviews",
    )
    assert (try_.is_step, try_.trace.kind) == (True, "proxy")


@pytest.mark.parametrize("first", ["span", "record"])
def test_what_comes_second_of_span_and_record_is_no_second_request(first: str) -> None:
    one, sent = reader(), span(attributes=HTTP)
    ids = {"trace_id": sent.trace_id, "span_id": sent.span_id}
    record = logs(LogRecord(**ids, attributes=pairs({"method": "GET"})))
    come = [one.traces(traces(sent)).exchanges, one.logs(record).exchanges]
    found = [list(each) for each in (come if first == "span" else reversed(come))]
    assert sum(not each.is_step for some in found for each in some) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    one = reader()
    for read in (one.traces, one.logs):
        try:
            found = list(read(data).exchanges)
        except OtlpError as error:
            assert str(error).startswith(f"{len(data)} bytes are no Export")  # noqa: PT017
        else:
            assert len(found) <= len(data)


def test_what_is_no_message_is_counted() -> None:
    one = reader()
    with pytest.raises(OtlpError, match="4 bytes are no ExportTraceServiceRequest"):
        one.traces(b"junk")
    with pytest.raises(OtlpError, match="4 bytes are no ExportLogsServiceRequest"):
        one.logs(b"junk")
    assert one.counted() == {"otlp trace": SourceCount(0, 1), "otlp log": SourceCount(0, 1)}


def test_deep_values_and_many_attributes_are_not_followed() -> None:
    sent = span(attributes={f"x{n}": "1" for n in range(5_000)} | HTTP)
    value = sent.attributes.add(key="http.route").value
    for _ in range(40):
        value = value.array_value.values.add()
    (found,) = reader().traces(traces(sent)).exchanges
    assert found.is_step  # what comes after so many is not read
