"""Server-sent events."""

from __future__ import annotations

from tap.content import view
from tap.content.events import MAX_EVENTS
from tests.tap.content.given import answered

SSE = "text/event-stream"


def test_events_have_their_fields_and_their_data_joined() -> None:
    stream = (
        b'\xef\xbb\xbf: hello\n\nevent: price\nid: 7\ndata: {"a": 1}\n\n'
        b"data:one\r\ndata: two\r\n\r\nretry: 500\rdata\r\r"
    )
    shown = view(answered(stream, SSE), "response")
    assert shown.kind == "sse"
    assert shown.value == [
        {"event": "price", "id": "7", "data": {"a": 1}},
        {"data": "one\ntwo"},
        {"retry": "500", "data": ""},
    ]
    assert shown.text.split("\n\n")[1] == "data: one\ndata: two"
    assert shown.notes == ()


def test_an_event_that_has_not_ended_is_told() -> None:
    shown = view(answered(b"data: 1\n\ndata: 2", SSE), "response")
    assert [one["data"] for one in shown.value] == ["1", "2"]
    assert shown.notes == ("the last event has not ended",)


def test_a_stream_without_end_is_bounded() -> None:
    shown = view(answered(b"data: 1\n\n" * (MAX_EVENTS + 1), SSE), "response")
    assert len(shown.value) == MAX_EVENTS
    assert shown.notes == (f"only the first {MAX_EVENTS:,} events are shown",)
