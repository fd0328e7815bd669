"""What ext_proc tells of a request, as bytes, and what is made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Headers, Timing
from tap.access_log import Entry
from tap.ext_proc import collect as ext_proc
from tap.ext_proc.collect import GRACE, MAX_BODY, MAX_LAG, Collector, Stream
from tap.ext_proc.opening import Opening
from tap.traces.decode import BufferedTrace
from tests.tap.exchanges import SAMPLE
from xds_server.mirror import serialize
from xds_server.protos import core, ext_proc_service, protobuf

NOW = 1_767_323_045.25
OPENING = Opening("127.0.0.1:40000", "127.0.0.1:9080", NOW)
ENTRY = Entry(
    SAMPLE.request, None, "an-id", OPENING.listener, OPENING.client, "", "",
    NOW, 0.1, "", "", (), 1, "", Timing(),
)  # fmt: skip


def piece(name: str, content: Any, **more: Any) -> bytes:
    return serialize(ext_proc_service.ProcessingRequest(**{name: content}, **more))


def headers(name: str, fields: dict[str, str], end: bool = False, **more: Any) -> bytes:
    pairs = [core.HeaderValue(key=k, raw_value=v.encode()) for k, v in fields.items()]
    told = ext_proc_service.HttpHeaders(headers=core.HeaderMap(headers=pairs), end_of_stream=end)
    return piece(name, told, **more)


def body(name: str, data: bytes, end: bool = False) -> bytes:
    return piece(name, ext_proc_service.HttpBody(body=data, end_of_stream=end))


def trailers(name: str, fields: dict[str, str]) -> bytes:
    pairs = [core.HeaderValue(key=k, raw_value=v.encode()) for k, v in fields.items()]
    return piece(name, ext_proc_service.HttpTrailers(trailers=core.HeaderMap(headers=pairs)))


ASKED = headers("request_headers", {":method": "POST", "x-request-id": "an-id"})
ANSWERED = headers(
    "response_headers",
    {":status": "200"},
    attributes={
        "envoy.filters.http.ext_proc": protobuf.Struct(
            fields={"upstream.address": protobuf.Value(string_value="127.0.0.1:9081")}
        )
    },
)


def opened(collector: Collector) -> Stream:
    stream = collector.open(OPENING, NOW)
    assert stream is not None
    return stream


def given_out(collector: Collector, stream: Stream) -> BufferedTrace:
    (trace,) = collector.close(stream)
    return trace


def test_a_request_is_over_when_its_response_is() -> None:
    collector = Collector()
    stream = opened(collector)
    for message in (ASKED, body("request_body", b"he"), body("request_body", b"llo", end=True)):
        assert not stream.receive(message)
    assert not stream.receive(ANSWERED)
    assert not stream.receive(body("response_body", b"part"))
    assert stream.receive(trailers("response_trailers", {"grpc-status": "0"}))
    trace = given_out(collector, stream)
    assert trace.request is not None
    assert trace.response is not None
    assert (trace.request.body.data, trace.request.body.truncated) == (b"hello", False)
    assert trace.request.time == NOW
    assert (trace.response.body.data, trace.response.time) == (b"part", None)
    assert trace.response.trailers == Headers.of({"grpc-status": "0"})
    assert (trace.client, trace.listener) == (OPENING.client, OPENING.listener)
    assert trace.upstream == "127.0.0.1:9081"
    assert (collector.begun, collector.errors) == (1, 0)


def test_of_an_answer_that_is_early_the_rest_of_the_request_is_not_waited_for() -> None:
    collector = Collector()
    stream = opened(collector)
    stream.receive(ASKED)
    stream.receive(body("request_body", b"some"))
    assert stream.receive(headers("response_headers", {":status": "413"}, end=True))
    request = given_out(collector, stream).request
    assert request is not None
    assert (request.body.data, request.body.truncated) == (b"some", True)


def test_a_value_that_is_no_text_keeps_its_bytes() -> None:
    collector = Collector()
    stream = opened(collector)
    pairs = [core.HeaderValue(key="x-a", raw_value=b"\xff\x00")]
    told = ext_proc_service.HttpHeaders(headers=core.HeaderMap(headers=pairs))
    stream.receive(piece("request_headers", told))
    request = given_out(collector, stream).request
    assert request is not None
    assert request.fields.to_bytes() == [(b"x-a", b"\xff\x00")]


def test_the_log_tells_the_end_of_what_has_none() -> None:
    collector = Collector()
    stream = opened(collector)
    stream.receive(ASKED)
    collector.logged([replace(ENTRY, started=NOW - 1)], NOW)  # an earlier one with this id
    assert len(collector) == 0
    collector.logged([ENTRY], NOW)
    assert len(collector) == 1
    assert collector.tick(NOW + GRACE - 0.01) == []
    (trace,) = collector.tick(NOW + GRACE)
    assert trace.response is None
    assert stream.receive(body("request_body", b"late"))  # the door ends it now
    assert collector.close(stream) == []
    assert (len(collector), collector.errors) == (0, 0)


def test_bodies_are_bounded_each_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ext_proc, "MAX_HELD", MAX_BODY + 10)
    collector = Collector()
    one, other = opened(collector), opened(collector)
    for stream in (one, other):
        stream.receive(ASKED)
        stream.receive(body("request_body", b"x" * MAX_BODY))
        stream.receive(body("request_body", b"x"))
    sizes = [given_out(collector, each).request for each in (one, other)]
    assert [(len(each.body.data), each.body.truncated) for each in sizes if each] == [
        (MAX_BODY, True),
        (10, True),
    ]
    assert collector.room == MAX_BODY + 10


def test_what_comes_late_or_beyond_the_bound_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ext_proc, "MAX_STREAMS", 1)
    collector = Collector()
    assert collector.open(OPENING, NOW + MAX_LAG + 0.1) is None
    opened(collector)
    assert collector.open(OPENING, NOW) is None
    assert (collector.begun, collector.errors) == (3, 2)


def test_a_stream_that_told_nothing_is_counted() -> None:
    collector = Collector()
    assert collector.close(opened(collector)) == []
    assert collector.errors == 1


def test_what_is_dropped_is_neither_given_out_nor_counted() -> None:
    collector = Collector()
    stream = opened(collector)
    stream.receive(ASKED)
    collector.drop()
    assert collector.close(stream) == []
    assert (collector.errors, collector.room) == (0, ext_proc.MAX_HELD)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([ASKED, ANSWERED]), max_size=8))
def test_any_bytes_are_pieces_or_one_counted_error(messages: list[bytes]) -> None:
    collector = Collector()
    stream = opened(collector)
    for message in messages:
        if stream.receive(message):
            break
    assert len(collector.close(stream)) + collector.errors == 1
    assert collector.room == ext_proc.MAX_HELD
