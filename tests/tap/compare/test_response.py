"""Responses, whole."""

from __future__ import annotations

import gzip
import json
import struct
import zlib

import pytest
from hypothesis import given, settings

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from tap.compare import Comparison, Rules, compare
from tap.compare.response import MAX_DIFFERENCES
from tests.tap.exchanges import EXCHANGE, SAMPLE

JSON = {"content-type": "application/json"}


def exchange(
    body: bytes = b"", status: int = 200, trailers: Headers | None = None, **headers: str
) -> Exchange:
    fields = Headers.of({name.replace("_", "-"): value for name, value in headers.items()})
    response = Response(status, fields, Body(body, size=len(body)), trailers or Headers())
    return replace(SAMPLE, response=response)


def of_json(value: object, **headers: str) -> Exchange:
    return exchange(json.dumps(value).encode(), content_type="application/json", **headers)


def told(before: Exchange, after: Exchange, *rules: str) -> list[str]:
    found = compare(before, after, Rules.of(rules)).differences
    return [f"{each.place}: {each.before} → {each.after}" for each in found]


def test_status_headers_and_body_by_what_they_mean() -> None:
    before = of_json({"plan": "free", "n": 1}, date="a", x_a="1", server="envoy")
    after = of_json({"n": 1, "plan": "team"}, server="envoy", date="b", x_b="2")
    assert told(before, after) == [
        "header x-a: 1 → None",
        "header x-b: None → 2",
        'body $.plan: "free" → "team"',
    ]
    comparison = compare(before, after, Rules.of())
    assert [each.place for each in comparison.ignored] == ["header date"]
    assert comparison.as_json()["ignored"][0]["rule"] == "header:date"


def test_codings_are_undone() -> None:
    plain, packed = b'{"a":1}', gzip.compress(b'{"a": 2}')
    before = exchange(plain, content_type="application/json")
    after = exchange(packed, content_type="application/json", content_encoding="gzip")
    assert told(before, after) == ["header content-encoding: None → gzip", "body $.a: 1 → 2"]


def test_status_and_body_can_be_left_out() -> None:
    before, after = exchange(b"a", 200), exchange(b"b", 500)
    assert told(before, after) == ["status: 200 → 500", "body line 1: a → b"]
    assert told(before, after, "status", "body") == []


def test_other_bytes_by_size_and_hash() -> None:
    before, after = exchange(b"\0\1"), exchange(b"\0\2\3")
    (line,) = told(before, after)
    assert line.startswith("body: binary, 2 bytes, sha256 ")
    assert "binary, 3 bytes, sha256 " in line
    (line,) = told(exchange(b"\0\1"), exchange(b"text"))
    assert "→ text, 4 bytes, sha256" in line


def message(text: bytes, flag: int = 0) -> bytes:
    data = b"\x0a" + bytes((len(text),)) + text
    data = zlib.compress(data) if flag else data
    return struct.pack(">BI", flag, len(data)) + data


def test_grpc_by_field_and_status() -> None:
    kind = {"content_type": "application/grpc"}
    ok = Headers.of({"grpc-status": "0"})
    bad = Headers.of({"grpc-status": "14", "grpc-message": "no%20way"})
    before, after = (
        exchange(message(b"a"), 200, ok, **kind),
        exchange(message(b"b"), 200, bad, **kind),
    )
    assert told(before, after) == [
        'body $.messages[0]["1"]: "a" → "b"',
        "body $.status.code: 0 → 14",
        'body $.status.name: "OK" → "UNAVAILABLE"',
        'body $.status.message: "" → "no way"',
    ]
    # a compressed message says what a plain one says, and a status in the headers what one in
    # the trailers says
    packed = exchange(message(b"a", 1), 200, ok, grpc_encoding="deflate", **kind)
    assert told(before, packed) == []
    assert told(exchange(b"", 200, ok, **kind), exchange(b"", grpc_status="0", **kind)) == []


def test_a_capture_that_was_cut_is_compared_as_far_as_it_goes() -> None:
    whole = json.dumps({"a": 1, "b": list(range(99))}).encode()
    cut = of_json({}, server="envoy")
    cut = replace(cut, response=replace(cut.response, body=Body(whole[:60], True, len(whole))))  # type: ignore[type-var]
    comparison = compare(
        cut, exchange(whole, server="envoy", **{"content_type": "application/json"}), Rules.of()
    )
    assert comparison.same
    assert comparison.notes == (f"the captured body was cut, 60 of {len(whole)} bytes were kept",)


def test_no_response_is_a_difference() -> None:
    none = replace(SAMPLE, response=None)
    assert told(none, exchange(b"", 200)) == ["response: None → 200"]
    assert told(exchange(b"", 200), none) == ["response: 200 → None"]
    assert compare(none, none, Rules.of()) == Comparison(notes=("neither has a response",))


def test_masks_are_not_compared_and_said() -> None:
    before = of_json({"token": "[redacted 3f9a1c]"}, set_cookie="[redacted 3f9a1c]")
    after = of_json({"token": "[redacted 0f9a1c]"}, set_cookie="[redacted 0f9a1c]")
    comparison = compare(before, after, Rules.of())
    assert comparison.same
    assert comparison.notes == ("what is masked can't be compared",)
    assert told(before, of_json({"token": "[redacted 0f9a1c]"})) == [
        "header set-cookie: [redacted 3f9a1c] → None"
    ]


def test_of_head_the_length_counts_for_there_is_no_body() -> None:
    head = Request("HEAD", "/")
    one = replace(exchange(b"", content_length="5"), request=head)
    other = replace(exchange(b"", content_length="6"), request=head)
    assert told(one, other) == ["header content-length: 5 → 6"]


def test_a_summary_says_no_header_and_no_byte() -> None:
    logged = replace(SAMPLE, response=Response(200, Headers(), Body(b"", True, 368)))
    comparison = compare(logged, of_json({"a": 1}), Rules.of())
    assert comparison.same
    assert comparison.notes[0] == "no headers were captured"


def test_differences_are_bounded() -> None:
    comparison = compare(of_json([1] * 5000), of_json([2] * 5000), Rules.of())
    assert len(comparison.differences) == MAX_DIFFERENCES
    assert comparison.notes == (f"only the first {MAX_DIFFERENCES:,} differences are told",)


@given(EXCHANGE, EXCHANGE)
@settings(max_examples=100)
def test_any_two_can_be_compared_and_one_is_the_same_as_itself(
    one: Exchange, other: Exchange
) -> None:
    json.dumps(compare(one, other, Rules.of()).as_json())
    assert compare(one, one, Rules.of()).same


@pytest.mark.parametrize("value", [["[" * 100_000], ['{"a":' * 50_000], ["1" * 10_000]])
def test_hostile_json_gives_a_word(value: list[str]) -> None:
    data = value[0].encode()
    one = exchange(data, content_type="application/json")
    compare(one, exchange(data + b" ", content_type="application/json"), Rules.of())
