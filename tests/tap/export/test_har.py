"""HAR: valid by the format's rules, and read again by our own reader."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import brotli
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange, Headers, Response
from tap.export import har
from tap.har import read_har
from tests.tap.exchanges import EXCHANGE, SAMPLE, sample


def needs(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def items(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": -1}
PAIRS = items(needs(name=TEXT, value=TEXT))
MESSAGE = {
    "httpVersion": TEXT,
    "cookies": items(needs(name=TEXT, value=TEXT)),
    "headers": PAIRS,
    "headersSize": WHOLE,
    "bodySize": WHOLE,
}
REQUEST = needs(method=TEXT, url=TEXT, queryString=PAIRS, **MESSAGE)
REQUEST["properties"]["postData"] = needs(mimeType=TEXT)
RESPONSE = needs(
    status={"type": "integer"},
    statusText=TEXT,
    redirectURL=TEXT,
    content=needs(size=WHOLE, mimeType=TEXT),
    **MESSAGE,
)
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
ENTRY = needs(
    startedDateTime=MOMENT,
    time={"type": "number", "minimum": 0},
    request=REQUEST,
    response=RESPONSE,
    cache={"type": "object"},
    timings=needs(send=NUMBER, wait=NUMBER, receive=NUMBER),
)
CREATOR = needs(name=TEXT, version=TEXT)
ARCHIVE = needs(log=needs(version={"const": "1.2"}, creator=CREATOR, entries=items(ENTRY)))
jsonschema.Draft202012Validator.check_schema(ARCHIVE)


def archive(*exchanges: Exchange) -> Any:
    return json.loads(b"".join(har.write(exchanges)))


def test_reading_gives_what_was_written(tmp_path: Path) -> None:
    request = SAMPLE.request.__class__("PUT", "/b?x=%20", "b", body=Body(b"\0\xff", False, 2))
    second = sample(request=request, response=None)
    file = tmp_path / "a.har"
    file.write_bytes(b"".join(har.write([SAMPLE, second])))
    for read, given_ in zip(read_har(file), (SAMPLE, second), strict=True):
        assert (read.request.method, read.request.path) == (
            given_.request.method,
            given_.request.path,
        )
        assert (read.request.authority, read.request.headers) == (
            given_.request.authority,
            given_.request.headers,
        )
        assert read.request.body.data == given_.request.body.data
        assert read.started == given_.started
        assert (read.response is None) == (given_.response is None)
        if read.response and given_.response:
            assert read.response.status == given_.response.status
            assert read.response.headers == given_.response.headers
            assert read.response.body.data == given_.response.body.data


def test_an_entry_says_what_a_mesh_knows() -> None:
    (entry,) = archive(SAMPLE)["log"]["entries"]
    assert entry["request"]["url"] == "http://reviews:9080/reviews/1?full=1"
    assert entry["request"]["queryString"] == [{"name": "full", "value": "1"}]
    assert entry["startedDateTime"] == "2026-01-02T03:04:05.250000+00:00"
    assert entry["time"] == 12
    assert entry["timings"] == pytest.approx({"send": 0.1, "wait": 10.9, "receive": 1.0})
    assert entry["serverIPAddress"] == "127.0.0.1"
    assert entry["_meshloom"]["destination"] == "reviews v2"
    assert entry["_meshloom"]["flags"] == ["UO", "URX"]


@settings(max_examples=20, deadline=None)
@given(st.lists(EXCHANGE, max_size=5))
def test_whatever_is_captured_makes_a_valid_archive(exchanges: list[Exchange]) -> None:
    jsonschema.validate(archive(*exchanges), ARCHIVE)


def content(coding: str, data: bytes) -> dict[str, Any]:
    headers = Headers.of({"content-encoding": coding, "content-type": "text/plain"})
    (entry,) = archive(sample(response=Response(200, headers, Body(data))))["log"]["entries"]
    found: dict[str, Any] = entry["response"]["content"]
    return found


def test_content_is_without_its_coding() -> None:
    assert content("gzip", gzip.compress(b"hello"))["text"] == "hello"
    assert content("deflate", zlib.compress(b"hello"))["text"] == "hello"
    assert content("identity", b"hello")["text"] == "hello"
    assert content("br", brotli.compress(b"hello"))["text"] == "hello"


def test_a_coding_that_can_not_be_undone_is_named() -> None:
    bomb = gzip.compress(bytes(har.MAX_EXPANDED + 1))
    for coding, data in (("lz4", b"\x8b\xff"), ("gzip", b"\xffno gzip"), ("gzip", bomb)):
        found = content(coding, data)
        assert (found["encoding"], found["comment"]) == (
            "base64",
            f"still in its content coding, {coding}",
        )
