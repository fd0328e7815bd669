"""TraceWrapper messages as Envoy writes them, binary and as text."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Body, Headers
from tap.traces.decode import BufferedTrace, DecodeError, Message, Segment
from tap.traces.messages import MAX_LINES, decode_binary, decode_text
from xds_server.mirror import mirror_class
from xds_server.protos import tap_data

TEXT = rb"""http_buffered_trace {
  request {
    headers {
      key: ":path"
      value: "/a?b={c}"
    }
    headers {
      key: "x-raw"
      raw_value: "caf\351"
    }
    body {
      as_bytes: "say \"hi\"\n}\n\377\000"
      truncated: true
    }
    headers_received_time {
      seconds: 1795878149
      nanos: 500000000
    }
  }
  downstream_connection {
    local_address {
      socket_address {
        address: "127.0.0.1"
        port_value: 15001
      }
    }
    remote_address {
      pipe {
        path: "/run/a.sock"
      }
    }
  }
}
"""

HEADER = b'    headers {\n      key: "a"\n    }\n'


def test_text_and_binary_say_the_same() -> None:
    from google.protobuf import text_format

    message = text_format.Parse(TEXT, mirror_class(tap_data.TraceWrapper)())
    binary = decode_binary(message.SerializeToString())
    assert binary == decode_text(TEXT)
    asked = Message(
        Headers(((":path", "/a?b={c}"), ("x-raw", "caf\udce9"))),
        Body(b'say "hi"\n}\n\xff\0', truncated=True),
        time=1795878149.5,
    )
    assert binary == BufferedTrace(asked, None, "127.0.0.1:15001", "/run/a.sock")


def test_a_segment_is_one_piece() -> None:
    piece = b'  request_body_chunk {\n    as_string: "a"\n  }\n'
    text = b"http_streamed_trace_segment {\n  trace_id: 7\n" + piece + b"}\n"
    assert decode_text(text) == Segment("7", "request_body_chunk", Body(b"a", size=1))


def test_a_sample_rate_is_not_a_trace() -> None:
    assert decode_text(b"configured_sample_rate {\n  numerator: 5\n}\n") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no trace but nothing"),
        (b"http_streamed_trace_segment {\n}\n", "a segment without a piece"),
        (b"nonsense {\n}\n", "no field named"),
        (b"http_buffered_trace { request { } }\n", "one field of protobuf's text format to a line"),
        (b"}\n", "no trace"),
        (b"configured_sample_rate {\n  numerator: 99999999999\n}\n", "no trace"),
        (b'http_buffered_trace {\n  request {\n    headers {\n      key: "\\377"\n', "no trace"),
        (b"}\n" * (MAX_LINES + 1), "a trace of more than 20000 lines"),
    ],
)
def test_what_is_no_trace_says_why(text: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        decode_text(text)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_trace_or_a_decode_error(data: bytes) -> None:
    for decode in (decode_binary, decode_text):
        with contextlib.suppress(DecodeError):
            decode(data)
        with contextlib.suppress(DecodeError):
            decode(b"\x0a" + bytes([len(data)]) + data)


@pytest.mark.parametrize(
    "text",
    [
        b'http_buffered_trace {\n  request {\n    headers { key: "' + b"\\" * 5_000_000,
        b" " * 5_000_000,
        b'a: "' + b'\\"' * 2_000_000 + b'" "',
        b"http_buffered_trace {\n" * 10_000,
        b"http_buffered_trace {\n  request {\n" + HEADER * 6_600 + b"  }\n}\n",
    ],
)
def test_hostile_text_is_no_way_to_keep_us_busy(text: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(DecodeError):
        decode_text(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("escape", [rb"\q", rb"\777", rb"\u1234", rb"\x", rb"\8", rb"\?"])
def test_an_escape_that_envoy_does_not_write_is_no_trace(escape: bytes) -> None:
    piece = b'  request_body_chunk {\n    as_string: "a' + escape + b'"\n  }\n'
    text = b"http_streamed_trace_segment {\n  trace_id: 7\n" + piece + b"}\n"
    with pytest.raises(DecodeError, match="expected one field"):
        decode_text(text)
