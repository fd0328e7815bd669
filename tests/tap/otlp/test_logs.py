"""Which records of a log tell of a request, and what of it."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from mesh_traffic import Exchange
from tests.tap.otlp.made import logs, pairs, reader

LINE = (
    '[2026-01-31T10:00:00.000Z] "GET /a?b=1 HTTP/2" 503 UO,URX {}0 91 12 - '
    '"10.0.0.1" "curl/8" "r-1" "shop.test" "127.0.0.1:9080"\n'
)
ISTIO = LINE.format('upstream_reset - "connection refused" ')
FIELDS = {
    "method": "GET",
    "path": "/a?b=1",
    "response_code": 503,
    "duration": 12,
    "request_id": "r-1",
}
STABLE = {"http.request.method": "GET", "url.path": "/a?b=1", "http.response.status_code": 503}


def told(record: LogRecord, **sender: str) -> list[Exchange]:
    return list(reader().logs(logs(record, **sender)).exchanges)


def text(line: str) -> LogRecord:
    return LogRecord(body=AnyValue(string_value=line), time_unix_nano=10**10)


@pytest.mark.parametrize("line", [LINE.format(""), ISTIO], ids=["envoy", "istio"])
def test_an_envoys_line_tells_of_its_request(line: str) -> None:
    (one,) = told(text(line), node_name="gateway", log_name="otel")
    assert (one.node, one.request.method, one.request.path) == ("gateway", "GET", "/a?b=1")
    assert (one.status, one.flags, one.duration) == (503, ("UO", "URX"), 0.012)
    assert (one.request_id, one.request.authority) == ("r-1", "shop.test")
    assert (one.destination.address, one.started) == ("127.0.0.1:9080", 10.0)


def test_the_same_line_of_a_program_is_text() -> None:
    assert told(text(LINE.format("")), service_name="shop") == []


@pytest.mark.parametrize("fields", [FIELDS, STABLE])
def test_attributes_and_a_body_of_fields_tell_the_same(fields: dict[str, Any]) -> None:
    body = AnyValue(kvlist_value=KeyValueList(values=pairs(fields)))
    for record in (LogRecord(attributes=pairs(fields)), LogRecord(body=body)):
        (one,) = told(record)
        assert (one.request.method, one.request.path, one.status) == ("GET", "/a?b=1", 503)


def test_a_status_without_a_method_is_an_exchange() -> None:
    (one,) = told(LogRecord(attributes=pairs({"response_code": "200"})))
    assert (one.request.method, one.status, one.is_step) == ("", 200, False)


@pytest.mark.parametrize(
    "record", [LogRecord(), text("paid 7"), LogRecord(attributes=pairs({"user": "a"}))]
)
def test_other_records_are_counted_and_that_is_all(record: LogRecord) -> None:
    one = reader()
    assert list(one.logs(logs(record, node_name="gateway")).exchanges) == []
    assert (one.counts["otlp log"].seen, one.counts["otlp log"].other) == (1, 1)


@pytest.mark.parametrize(
    "line",
    ['"' * 9000, '"GET / HTTP/1.1" 200 ' * 400, f'"GET {"/" * 9000} HTTP/1.1" 200 - ', "1 " * 4000],
)
def test_a_line_that_is_none_costs_little(line: str) -> None:
    assert len(told(text(line), node_name="gateway")) <= 1
