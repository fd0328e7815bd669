"""Socket traces as JSON and as protobuf are the same."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from tap.sockets.traces import SocketEvent, SocketTrace
from tap.traces.decode import DecodeError, decode_trace
from tap.traces.messages import decode_binary
from xds_server.mirror import mirror_class
from xds_server.protos import tap_data


def address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


ENDS = {"local_address": address(1), "remote_address": address(2)}
STAMP = "2026-01-31T14:05:00.250Z"
TIME = 1_769_868_300.25
READ = {"timestamp": STAMP, "read": {"data": {"as_bytes": "aGk=", "truncated": True}}}
TRACES = {
    "buffered": (
        {
            "socket_buffered_trace": {
                "trace_id": "7",
                "connection": ENDS,
                "events": [READ, {"write": {"data": {"as_string": "ü"}}}, {"closed": {}}],
            }
        },
        SocketTrace(
            "7",
            "127.0.0.1:1",
            "127.0.0.1:2",
            (
                SocketEvent("read", b"hi", TIME, truncated=True),
                SocketEvent("write", "ü".encode()),
                SocketEvent("closed"),
            ),
            whole=True,
        ),
    ),
    "first": (
        {
            "socket_streamed_trace_segment": {
                "trace_id": "7",
                "connection": {"remote_address": address(2)},
            }
        },
        SocketTrace("7", "", "127.0.0.1:2"),
    ),
    "event": (
        {"socket_streamed_trace_segment": {"trace_id": "7", "event": {**READ, "seq_num": "9"}}},
        SocketTrace("7", events=(SocketEvent("read", b"hi", TIME, 9, True),)),
    ),
    "first as string": (
        {"socket_streamed_trace_segment": {"trace_id": "7", "event": {"seq_num": "0"}}},
        SocketTrace("7"),
    ),
    "event with its connection": (
        {
            "socket_streamed_trace_segment": {
                "trace_id": "7",
                "event": {"closed": {}, "connection": ENDS, "seq_num": "9"},
            }
        },
        SocketTrace("7", "127.0.0.1:1", "127.0.0.1:2", (SocketEvent("closed", seq=9),)),
    ),
    "several": (
        {
            "socket_streamed_trace_segment": {
                "trace_id": "7",
                "events": {"events": [READ, {"closed": {}}]},
            }
        },
        SocketTrace("7", events=(SocketEvent("read", b"hi", TIME, 0, True), SocketEvent("closed"))),
    ),
}


@pytest.mark.parametrize("name", TRACES)
def test_both_ways_of_writing_a_trace_mean_the_same(name: str) -> None:
    written, meant = TRACES[name]
    assert decode_trace(json.dumps(written).encode()) == meant
    message: Any = json_format.ParseDict(written, mirror_class(tap_data.TraceWrapper)())
    assert decode_binary(message.SerializeToString()) == meant


@pytest.mark.parametrize(
    "trace",
    [
        {},
        {"trace_id": "1", "event": {}, "events": 1},
        {"trace_id": "1", "event": {"read": {"data": {"as_bytes": 1}}}},
        {"trace_id": "1", "event": {"read": []}},
        {"trace_id": "1", "connection": {"local_address": {"socket_address": {"address": "a"}}}},
    ],
)
def test_what_is_no_trace_is_a_decode_error(trace: object) -> None:
    with pytest.raises(DecodeError):
        decode_trace(json.dumps({"socket_streamed_trace_segment": trace}).encode())


JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(("event", "events", "read", "data", "trace_id", "connection")),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(JUNK, st.sampled_from(("socket_streamed_trace_segment", "socket_buffered_trace")))
def test_any_json_is_a_trace_or_a_decode_error(junk: object, kind: str) -> None:
    with suppress(DecodeError):
        decode_trace(json.dumps({kind: junk}).encode())
