"""``.http`` files, as people write them."""

from __future__ import annotations

import pytest

from mesh_traffic import Headers
from mini_mesh.differ.http_file import HttpFileError, read_requests

TEXT = """\
# the shop
@host = shop.example
@base = http://{{host}}:8080

### put something into the cart
POST {{base}}/cart
    ?item=1
    &count=2 HTTP/1.1
Content-Type: application/json
// not sent
X-Plan: {{ host }}

{"a": "{{host}}"}

# part of the body
###
GET /plain
Host: other.example
###

###
https://{{host}}
"""


def test_a_file_holds_several_requests() -> None:
    requests = read_requests(TEXT.replace(" HTTP/1.1", ""), "shop.http")
    assert [line for line, _ in requests] == [6, 17, 22]
    (_, first), (_, second), (_, third) = requests
    assert (first.method, first.path) == ("POST", "/cart?item=1&count=2")
    assert first.authority == "shop.example:8080"
    assert first.headers == Headers(
        (("Content-Type", "application/json"), ("X-Plan", "shop.example"))
    )
    assert first.body.data == b'{"a": "shop.example"}\n\n# part of the body'
    assert (second.method, second.path, second.authority) == ("GET", "/plain", "other.example")
    assert (third.method, third.path, third.authority) == ("GET", "/", "shop.example")


def test_a_raw_request_is_one() -> None:
    text = "PUT /a HTTP/1.1\r\nHost: x\r\nA: 1\r\n\r\nbody\r\n"
    ((_, request),) = read_requests(text, "raw.http")
    assert (request.method, request.path, request.authority) == ("PUT", "/a", "x")
    assert request.body.data == b"body"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.http: no request in it, expected a line such as 'GET /path'"),
        ("# only\n###\n", "a.http: no request in it"),
        ("GET / HTTP/1.1 more", "a.http:1: expected METHOD TARGET, got 'GET / HTTP/1.1 more'"),
        ("GET cart", "a.http:1: expected a path or an absolute URL, got 'cart'"),
        ("GET /\nnonsense\n", "a.http:2: expected name: value, got 'nonsense'"),
        ("@b = 1\nGET /{{a}}", "a.http:2: unknown variable 'a', the file defines b"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(HttpFileError) as caught:
        read_requests(text, "a.http")
    assert message in str(caught.value)
