"""Requests are bytes before the first is sent, and what can't be sent is refused."""

from __future__ import annotations

import pytest

from mini_mesh.load.load import Load, LoadError, edge


def test_a_request_is_what_the_url_says() -> None:
    made = edge("http://api.test/a?b=1", headers=[("X-User", "bob")], address="127.0.0.1:9")
    assert made.address == "127.0.0.1:9"
    assert made.request == b"GET /a?b=1 HTTP/1.1\r\nhost: api.test\r\nx-user: bob\r\n\r\n"


def test_a_body_has_its_length() -> None:
    made = edge("http://127.0.0.1:8080", method="POST", body=b"1234")
    assert made.address == "127.0.0.1:8080"
    assert made.request.endswith(b"content-length: 4\r\n\r\n1234")


def test_a_host_that_is_given_is_the_only_one() -> None:
    assert edge("http://[::1]:81/", headers=[("Host", "a")]).request.count(b"host") == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://a/", "wanted http"),
        ("nothing", "wanted http"),
        ("http://a:99999/", "Port out of range"),
    ],
)
def test_what_is_no_plain_http_is_refused(url: str, why: str) -> None:
    with pytest.raises(LoadError, match=why):
        edge(url)


def test_a_header_cannot_end_the_request() -> None:
    with pytest.raises(LoadError, match="line break"):
        edge("http://a/", headers=[("x", "1\r\n\r\nGET / HTTP/1.1")])


def test_a_header_that_does_not_fit_is_refused() -> None:
    with pytest.raises(LoadError, match="Latin-1"):
        edge("http://a/", headers=[("x", "→")])


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"seconds": -1}, {"connections": 10**6}])
def test_a_load_has_bounds(wrong: dict[str, float]) -> None:
    usual = {"rate": 1, "seconds": 1, "connections": 1}
    with pytest.raises(LoadError, match="wanted more than 0"):
        Load((edge("http://a/"),), **{**usual, **wrong})  # type: ignore[arg-type]


def test_a_load_needs_somebody() -> None:
    with pytest.raises(LoadError, match="nobody"):
        Load((), 1, 1, 1)
