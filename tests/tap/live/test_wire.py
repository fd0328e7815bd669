"""Events as lines of JSON."""

from __future__ import annotations

import json

import pytest

from mesh_traffic import Body, Endpoint, Exchange, Headers, Request, Response, replace
from tap.live import wire
from tap.live.coverage import Coverage
from tap.live.wire import Lines, WireError, decode, encode, encode_error

EXCHANGE = Exchange(
    id="9f3e",
    node="web-1",
    request=Request("POST", "/a", "web", headers=Headers.of_bytes([(b"x-raw", b"caf\xe9")])),
    response=Response(200, body=Body(b"\x00\xff", truncated=True, size=9)),
    source=Endpoint("web", "v1", "127.0.0.1:1"),
    started=1.5,
    duration=0.25,
    flags=("UO",),
)


@pytest.mark.parametrize(
    "event",
    [
        EXCHANGE,
        Exchange("1", "n", Request(body=Body("é".encode())), None),
        Coverage(1, 2, 3, 4, 5, ("web-1: lost",)),
    ],
)
def test_an_event_survives_its_line(event: Exchange | Coverage) -> None:
    line = encode(event)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert decode(line) == event


def test_an_exchange_is_readable_json() -> None:
    values = json.loads(encode(EXCHANGE))
    assert values["event"] == "exchange"
    assert values["source"] == {"service": "web", "version": "v1", "address": "127.0.0.1:1"}
    assert values["response"] == {
        "status": 200,
        "headers": [],
        "trailers": [],
        "body": {"base64": "AP8=", "truncated": True, "size": 9},
    }
    assert values["request"]["body"] == {"text": "", "truncated": False, "size": None}
    assert (values["flags"], values["duration"]) == (["UO"], 0.25)


def test_an_error_of_the_hub_is_raised_with_its_words() -> None:
    with pytest.raises(WireError, match="^unknown service 'x'$"):
        decode(encode_error("unknown service 'x'"))


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b'{"event": "coverage", "seen": "no"}', b"\xff", b'"event"']
)
def test_a_line_that_is_no_event_is_an_error(line: bytes) -> None:
    with pytest.raises(WireError, match="the hub sent what is no event"):
        decode(line)


def test_what_several_viewers_get_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    assert lines.of(EXCHANGE) is lines.of(EXCHANGE)
    assert lines.of(EXCHANGE) == encode(EXCHANGE)
    assert lines.of(replace(EXCHANGE, id="1")) == encode(replace(EXCHANGE, id="1"))
    assert lines.of(Coverage(1)) == encode(Coverage(1))
    monkeypatch.setattr(wire, "MAX_KNOWN", 1)
    monkeypatch.setattr(wire, "MAX_KNOWN_LINE", 5000)
    few = Lines()
    first, large = few.of(EXCHANGE), replace(EXCHANGE, request=Request(body=Body(b"x" * 5000)))
    assert few.of(large) is not few.of(large)
    few.of(replace(EXCHANGE, id="2"))
    assert few.of(EXCHANGE) is not first
