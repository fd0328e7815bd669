from __future__ import annotations

import pytest

from debugger.routing.arriving.arrival import Arrival, StreamInfo
from mesh_traffic import Headers, Request


def with_headers(*fields: tuple[str, str], path: str = "/") -> Arrival:
    return Arrival(Request(path=path, authority="a", headers=Headers(fields)))


def test_of_a_parameter_that_repeats_the_first_counts_and_nothing_is_decoded() -> None:
    arrival = with_headers(path="/?a=1&a=2&&b&%61=3&c=d=e?f")
    assert dict(arrival.query) == {"a": "1", "b": "", "%61": "3", "c": "d=e?f"}


def test_cookies_are_read_as_envoy_reads_them() -> None:
    arrival = with_headers(("cookie", ' a=1; b="2";c=3 ;a=9;d;e ='), ("Cookie", "f=x=y"))
    assert dict(arrival.cookies) == {"a": "1", "b": "2", "c": "3 ", "e ": "", "f": "x=y"}


@pytest.mark.parametrize(("name", "values"), [("x-role", ["a", "b"]), ("accept", ["a,b"])])
def test_some_headers_that_repeat_are_one_value(name: str, values: list[str]) -> None:
    assert with_headers((name, "a"), (name.upper(), "b")).values(name) == values


def test_a_connect_has_no_path() -> None:
    arrival = Arrival(Request("CONNECT", "/", "a:80"))
    assert arrival.request.path == ""
    assert ":path" not in arrival.headers


def test_host_is_the_authority() -> None:
    assert with_headers(("host", "other")).values("host") == ["a"]


@pytest.mark.parametrize(
    ("given", "tls", "proto"),
    [("https", False, "https"), (None, True, "https"), (None, False, "http"), (None, None, "http")],
)
def test_what_was_forwarded_says_more_than_the_connection(
    given: str | None, tls: bool | None, proto: str
) -> None:
    headers = Headers((("x-forwarded-proto", given),)) if given else Headers()
    assert Arrival(Request(headers=headers), StreamInfo(tls)).forwarded_proto == proto


def test_parameters_of_segments_can_be_left_out() -> None:
    assert with_headers(path="/a;x=1/b;y?;z").plain_path == "/a/b"
