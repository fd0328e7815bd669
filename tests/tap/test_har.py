"""HAR files: read as they are, refused with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mesh_traffic import Headers
from tap.har import HarError, read_har

REQUEST: dict[str, Any] = {
    "method": "POST",
    "url": "https://shop.example:8443/cart?item=1#top",
    "headers": [{"name": "X-B", "value": "2"}, {"name": "X-A", "value": "1"}],
    "postData": {"mimeType": "text/plain", "text": "héllo"},
}
RESPONSE: dict[str, Any] = {
    "status": 201,
    "headers": [{"name": "Content-Encoding", "value": "gzip"}, {"name": "X-R", "value": "r"}],
    "content": {"text": "AAE=", "encoding": "base64"},
}


def write(folder: Path, *entries: object) -> Path:
    file = folder / "captures.har"
    file.write_text(json.dumps({"log": {"entries": entries}}))
    return file


def test_an_entry_is_an_exchange(tmp_path: Path) -> None:
    entry = {"request": REQUEST, "response": RESPONSE, "startedDateTime": "2026-01-02T03:04:05Z"}
    (exchange,) = read_har(write(tmp_path, entry))
    request, response = exchange.request, exchange.response
    assert (request.method, request.path) == ("POST", "/cart?item=1")
    assert (request.scheme, request.authority) == ("https", "shop.example:8443")
    assert request.headers == Headers((("X-B", "2"), ("X-A", "1")))
    assert request.body.data == "héllo".encode()
    assert response is not None
    assert (response.status, response.body.data) == (201, b"\0\1")
    assert exchange.started == 1767323045


def test_the_body_of_a_response_is_not_encoded_any_more(tmp_path: Path) -> None:
    (exchange,) = read_har(write(tmp_path, {"request": REQUEST, "response": RESPONSE}))
    assert exchange.response is not None
    assert exchange.response.headers == Headers((("X-R", "r"),))


def test_an_entry_needs_no_response(tmp_path: Path) -> None:
    blocked = {**RESPONSE, "status": 0}  # what browsers write for a request that was blocked
    exchanges = read_har(
        write(tmp_path, {"request": REQUEST}, {"request": REQUEST, "response": blocked})
    )
    assert [each.response for each in exchanges] == [None, None]


def test_fields_of_http_2_name_the_authority(tmp_path: Path) -> None:
    headers = [{"name": ":authority", "value": "a"}, {"name": ":path", "value": "/"}]
    (exchange,) = read_har(write(tmp_path, {"request": {**REQUEST, "headers": headers}}))
    assert exchange.request.authority == "a"
    assert exchange.request.headers == Headers()


def test_a_form_is_its_parameters(tmp_path: Path) -> None:
    form = {"params": [{"name": "a", "value": "1"}, {"name": "b"}]}
    (exchange,) = read_har(write(tmp_path, {"request": {**REQUEST, "postData": form}}))
    assert exchange.request.body.data == b"a=1&b="


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON: Expecting property name"),
        ("[]", "captures.har: expected an object, got []"),
        ("{}", "log: expected something, got nothing"),
        ('{"log": {"entries": {}}}', "log.entries: expected a list, got {}"),
        ('{"log": {"entries": [{}]}}', "log.entries[0].request: expected something, got nothing"),
    ],
)
def test_what_is_no_har_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "captures.har"
    file.write_text(text)
    with pytest.raises(HarError) as caught:
        read_har(file)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"url": "/cart"}, 'entries[0].request.url: expected an absolute URL, got "/cart"'),
        ({"method": 1}, "entries[0].request.method: expected a text, got 1"),
        ({"headers": [{"name": "a"}]}, "request.headers[0].value: expected something"),
        (
            {"postData": {"text": "?", "encoding": "base64"}},
            'request.postData.text: expected base64, got "?"',
        ),
    ],
)
def test_a_wrong_entry_is_refused_with_its_place(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    file = write(tmp_path, {"request": {**REQUEST, **wrong}})
    with pytest.raises(HarError) as caught:
        read_har(file)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarError, match=r"none\.har: No such file or directory"):
        read_har(tmp_path / "none.har")
