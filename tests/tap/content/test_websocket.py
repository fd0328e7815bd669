"""WebSocket frames as wsproto writes them, and broken ones."""

from __future__ import annotations

import pytest
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameProtocol

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.content import Side, View, view
from tap.content.websocket import MAX_MESSAGES

DEFLATE = "permessage-deflate"


def upgraded(
    data: bytes, side: Side = "request", extensions: str = "", cut: bool = False
) -> Exchange:
    upgrade = Headers.of({"connection": "Upgrade", "upgrade": "WebSocket"})
    accepted = Headers.of({"sec-websocket-extensions": extensions} if extensions else {})
    asked, given = (data, b"") if side == "request" else (b"", data)
    response = Response(101, accepted, Body(given, cut and side == "response"))
    return Exchange(
        "1", "", Request("GET", "/chat", "", "http", upgrade, Body(asked, cut)), response
    )


def peer(client: bool, extensions: str = "") -> FrameProtocol:
    """One side of a connection, with what the handshake agreed on."""
    if not extensions:
        return FrameProtocol(client, [])
    deflate = PerMessageDeflate()
    deflate.finalize(extensions) if client else deflate.accept(extensions)
    return FrameProtocol(client, [deflate])


def shown(data: bytes, side: Side = "request", extensions: str = "") -> View:
    return view(upgraded(data, side, extensions), side)


@pytest.mark.parametrize("side", ["request", "response"])
def test_messages_and_control_frames_of_either_side_are_read(side: Side) -> None:
    it = peer(client=side == "request")
    data = b"".join(
        (
            it.send_data("hello", fin=True),
            it.send_data('{"a": ', fin=False),
            it.ping(b"?"),
            it.send_data("[1, 2]}", fin=True),
            it.send_data(b"\x00" * 70_000, fin=True),
            it.close(CloseReason.GOING_AWAY, "bye"),
        )
    )
    found = shown(data, side)
    assert found.kind == "websocket"
    assert [one["type"] for one in found.value] == ["text", "ping", "text", "binary", "close"]
    assert found.value[0]["value"] == "hello"
    assert found.value[2]["value"] == {"a": [1, 2]}
    assert found.value[4] == {"type": "close", "code": 1001, "reason": "bye"}
    assert found.text.startswith(
        "-- text, 5 bytes\nhello\n-- ping, 1 bytes\n?\n-- text, 13 bytes\n{"
    )
    assert found.text.endswith("\n-- close 1001 bye")


@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize("more", ["", "; server_no_context_takeover; client_no_context_takeover"])
def test_compressed_messages_are_inflated(side: Side, more: str) -> None:
    extensions = DEFLATE + more
    it = peer(side == "request", extensions)
    data = b"".join(it.send_data(f"the same text again {at}", fin=True) for at in range(3))
    found = shown(data, side, extensions)
    assert [one["value"] for one in found.value] == [f"the same text again {at}" for at in range(3)]
    assert found.notes == ()


def test_a_compressed_message_that_nobody_agreed_on_is_told() -> None:
    data = peer(True, DEFLATE).send_data("hello", fin=True)
    assert shown(data).notes[0] == (
        "message 1: compressed, without permessage-deflate in the handshake"
    )


@pytest.mark.parametrize("size", [1, 3, 5, 8, 12])
def test_a_connection_that_is_cut_off_says_so(size: int) -> None:
    data = peer(client=True).send_data("hello, world", fin=True)
    found = shown(data[:size])
    assert found.notes == ("message 1: it has not ended",)
    assert found.value[0]["value"] == "hello, world"[: max(0, size - 6)]


def test_bytes_that_are_no_frames_are_dumped() -> None:
    found = shown(b"\x71 no frame")
    assert found.kind == "binary"
    assert found.notes == ("no WebSocket frame: it begins with 0x71 at byte 0",)
    half = shown(peer(client=True).send_data("a", fin=True) + b"\x7f")
    assert half.value[0]["value"] == "a"
    assert half.notes == ("no WebSocket frame: it begins with 0x7f at byte 7",)


def test_a_request_that_did_not_become_a_websocket_is_what_it_says() -> None:
    exchange = upgraded(b"no")
    for status in (400, 200):
        refused = Exchange("1", "", exchange.request, Response(status))
        assert view(refused, "request").kind == "text"


def test_a_bomb_and_countless_messages_are_bounded() -> None:
    it = peer(True, DEFLATE)
    bomb = b"".join(it.send_data(bytes(900_000), fin=True) for _ in range(3))
    found = shown(bomb, "request", DEFLATE)
    assert found.notes[-1] == "message 3: more than 1,048,576 bytes in all"
    many = shown(b"\x89\x00" * (MAX_MESSAGES + 1))
    assert len(many.value) == MAX_MESSAGES
    assert many.notes == (f"only the first {MAX_MESSAGES:,} messages are shown",)


def test_a_new_message_before_the_end_of_the_last_one_is_seen() -> None:
    it = (
        peer(True).send_data("a", fin=False),
        peer(True).send_data("b", fin=True),
    )
    found = shown(b"".join(it))
    assert [one["value"] for one in found.value] == ["a", "b"]
    assert found.notes == ("message 1: it has not ended",)
