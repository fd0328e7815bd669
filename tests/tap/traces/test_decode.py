"""Bytes that a real Envoy 1.40.0 wrote (tests/tap/data), and bytes that nobody should write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mesh_traffic import Body, Headers
from tap.traces import decode
from tap.traces.decode import BufferedTrace, DecodeError, Decoder, Segment, Trace, decode_trace

DATA = Path(__file__).parents[1] / "data"
BUFFERED = (DATA / "buffered.traces").read_bytes()
STREAMED = (DATA / "streamed.traces").read_bytes()


def feed(data: bytes, size: int) -> list[Trace]:
    decoder = Decoder()
    traces: list[Trace] = []
    for at in range(0, len(data), size):
        traces += decoder.feed(data[at : at + size])
    decoder.close()
    assert decoder.errors == 0, decoder.last_error
    return traces


def test_a_buffered_trace_is_a_request_with_its_response_and_addresses() -> None:
    first, second, third = feed(BUFFERED, len(BUFFERED))
    assert isinstance(second, BufferedTrace)
    assert second.request is not None
    assert second.response is not None
    assert second.request.fields.get(":method") == "POST"
    assert second.request.body == Body(b"hello", size=5)
    assert second.request.time == 1795219491.62884
    assert second.response.fields.get_all("set-cookie") == [
        "session=s3cr3t-cookie; Path=/; HttpOnly"
    ]
    assert second.response.body == Body(
        b"host: 127.0.0.1:15001\naccept: */*\naccept", truncated=True
    )
    assert (second.listener, second.upstream) == ("127.0.0.1:15001", "127.0.0.1:41593")
    assert isinstance(first, BufferedTrace)
    assert isinstance(third, BufferedTrace)
    assert third.upstream == ""  # Envoy answered: there was no healthy upstream


def test_streamed_segments_come_one_piece_each() -> None:
    traces = feed(STREAMED, len(STREAMED))
    pieces = [(one.trace_id, one.piece) for one in traces if isinstance(one, Segment)]
    assert pieces[3:7] == [
        ("4110466299973242493", "request_headers"),
        ("4110466299973242493", "request_body_chunk"),
        ("4110466299973242493", "response_headers"),
        ("4110466299973242493", "response_body_chunk"),
    ]
    assert isinstance(traces[4], Segment)
    assert traces[4].content == Body(b"hello", size=5)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("data", [BUFFERED, STREAMED], ids=["buffered", "streamed"])
def test_the_decoder_is_indifferent_to_chunking(data: bytes, size: int) -> None:
    assert feed(data, size) == feed(data, len(data))


def test_a_value_of_bytes_survives() -> None:
    header = {"key": "x-raw", "value": "", "raw_value": "Y2Fm6Q=="}
    trace = {"http_buffered_trace": {"request": {"headers": [header]}}}
    decoded = decode_trace(json.dumps(trace).encode())
    assert isinstance(decoded, BufferedTrace)
    assert decoded.request is not None
    assert decoded.request.fields.to_bytes() == [(b"x-raw", b"caf\xe9")]


def test_a_trace_that_is_none_is_counted_and_the_next_one_is_read() -> None:
    decoder = Decoder()
    assert decoder.feed(b'{\n "nonsense_trace": {}\n}\n' + BUFFERED) == feed(BUFFERED, 99)
    assert decoder.errors == 1
    assert decoder.last_error == "no trace but nonsense_trace"


def test_a_trace_cut_off_is_counted_once() -> None:
    decoder = Decoder()
    decoder.feed(BUFFERED[:-10])
    decoder.close()
    decoder.close()
    assert (decoder.errors, decoder.last_error) == (1, "a trace cut off")


def test_a_trace_without_end_is_dropped_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_TRACE_BYTES", 5000)
    decoder = Decoder()
    for _ in range(6):
        assert decoder.feed(b"x" * 1000) == []
    assert (decoder.errors, decoder.last_error) == (1, "a trace longer than 5000 bytes")


@given(st.lists(st.binary(max_size=40)))
@example([b"{\n}\n", b"\n}\n", b"[]\n}\n", b"1\n}\n", b"null\n}\n"])
def test_any_bytes_are_traces_or_counted_errors(chunks: list[bytes]) -> None:
    decoder = Decoder()
    traces = [trace for chunk in chunks for trace in decoder.feed(chunk)]
    decoder.close()
    ends = b"".join(chunks).count(decode.END)
    assert len(traces) + decoder.errors <= ends + 1


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "http_buffered_trace",
                    "http_streamed_trace_segment",
                    "request",
                    "response",
                    "headers",
                    "key",
                    "value",
                    "raw_value",
                    "body",
                    "as_bytes",
                    "truncated",
                    "trailers",
                    "headers_received_time",
                    "downstream_connection",
                    "local_address",
                    "socket_address",
                    "address",
                    "port_value",
                    "trace_id",
                    "request_headers",
                    "response_body_chunk",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["http_buffered_trace", "http_streamed_trace_segment"]))
@example({"request": {"headers_received_time": "0001-01-01T00:00:00Z"}}, "http_buffered_trace")
@example({"request": {"headers": [{"key": "\ud800", "value": ""}]}}, "http_buffered_trace")
@example({"trace_id": "1"}, "http_streamed_trace_segment")
def test_any_json_is_a_trace_or_a_decode_error(value: Any, kind: str) -> None:
    try:
        trace = decode_trace(json.dumps({kind: value}).encode())
    except DecodeError:
        return
    message = trace.request if isinstance(trace, BufferedTrace) else None
    fields = message.fields if message else Headers()
    assert all(isinstance(name, str) and isinstance(text, str) for name, text in fields)
