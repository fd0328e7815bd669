"""What stands against a replay."""

from __future__ import annotations

import pytest

from debugger.replay.request.edit import Edit
from debugger.replay.request.objections import (
    is_loopback,
    of_capture,
    of_edit,
    of_host,
    of_request,
    to_be_asked,
)
from mesh_traffic import Body, Exchange, Headers, Request, Trace, replace
from tap.redact import Redactor
from tests.debugger.replay.captures import GET, having, requested

GRPC = ("content-type", "application/grpc+proto")


def capture(exchange: Exchange, edit: Edit | None = None, cut: bool = False) -> list[str]:
    return [str(each) for each in of_capture(exchange, edit or Edit(), cut)]


def test_a_whole_capture_can_be_sent() -> None:
    assert capture(GET) == []
    assert list(of_request(GET.request)) == []
    assert list(to_be_asked(GET.request, 9)) == []


def test_a_mask_is_never_sent_in_a_secret_s_place() -> None:
    secret = having(("authorization", "Bearer abcdefghijkl"), ("cookie", "session=abcdefghijkl"))
    masked = Redactor()(secret)
    assert capture(masked) == [
        "masked in the capture: authorization, cookie; give each with --set NAME=VALUE,"
        " or --remove NAME"
    ]
    edit = Edit({"authorization": "x"}, frozenset(("cookie",)))
    assert capture(masked, edit) == []


def test_masks_of_paths_bodies_and_hosts_are_seen_too() -> None:
    posted = having(("content-type", "application/json"), body=b'{"password": "hunter2hunter"}')
    posted = requested(posted, path="/x?token=abcdefgh1234", authority="user:secret99@host")
    masked = Redactor()(posted)
    assert capture(masked) == [
        "its authority is masked in the capture; give one with --set host=…",
        "its path is masked in the capture; give one with --path",
        "its body is masked in the capture; give one with --body",
    ]
    assert capture(masked, Edit({"host": "h"}, path="/x", body=b"{}")) == []


@pytest.mark.parametrize("password", ["hunter2hunter", "hunter2hunter-and-more", "abc"])
def test_masks_of_binary_messages_are_seen(password: str) -> None:
    text = password.encode()
    inner = b"\x0a" + bytes((len(text),)) + text
    from tap.redact.marks import Marker, same_length

    mark = same_length(Marker(b"k").mark(text), len(text))
    data = b"\0" + len(inner).to_bytes(4, "big") + inner.replace(text, mark)
    assert capture(having(GRPC, body=data)) == [
        "its body is masked in the capture; give one with --body"
    ]
    assert capture(having(GRPC, body=b"\0\0\0\0\x05\x0a\x03a*b")) == []


def test_what_was_not_captured_or_cut_needs_a_word() -> None:
    cut = having(body=b"x" * 10, cut=True)
    assert capture(cut) == [
        "the request's body was cut off: 10 of 100 bytes were kept; give one with --body,"
        " or send it so with --cut"
    ]
    assert capture(cut, Edit(body=b"y")) == capture(cut, cut=True) == []
    (said,) = capture(replace(GET, sources=("access log",)))
    assert said.startswith("headers and bodies were not captured: only the access log told of it")
    assert capture(replace(GET, sources=("access log",)), cut=True) == []


def test_what_is_no_request_is_none() -> None:
    nothing = requested(method="")
    step = replace(GET, trace=Trace("0" * 31 + "1", "1", "", "proxy"))
    assert len(capture(nothing)) == len(capture(step)) == 1


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit({"a b": "x"}), "--set a b: no header that HTTP can carry"),
        (Edit({"a": "x\r\ny: z"}), "--set a: no header that HTTP can carry"),
        (Edit({":path": "/"}), "--set :path: say it by --method, --path or --set host=…"),
        (Edit({"Content-Length": "5"}), "--set Content-Length: it follows from what is sent"),
        (Edit({"te": "x"}), "--set te: it is of one connection"),
        (Edit(method="GET /"), "--method 'GET /': no method that HTTP can carry"),
    ],
)
def test_an_edit_that_makes_no_request_is_refused(edit: Edit, said: str) -> None:
    assert [str(each) for each in of_edit(edit)] == [said]


@pytest.mark.parametrize(
    "request_",
    [
        Request("CONNECT", "/"),
        Request("GET", "/", headers=Headers.of({"upgrade": "WebSocket"})),
        Request("GET", "*"),
        Request("GET", "/a b"),
        Request("GET", "/a\r\nx: y"),
        Request("GET", "/a?"),
        Request("GET", "/a#b"),
        Request("GET", "/\udc80"),
        Request("GET", "/", authority="a\nb"),
        Request("GET", "/", headers=Headers.of({"x": "\udc80"})),
        Request("GET", "/", headers=Headers.of({"x y": "1"})),
    ],
)
def test_what_our_clients_can_t_send_is_said(request_: Request) -> None:
    (objection,) = of_request(request_)
    assert not objection.askable


def test_what_may_do_something_again_is_asked_for() -> None:
    post = Request("POST", "/cart", headers=Headers.of({"content-type": "text/plain"}))
    (asked,) = to_be_asked(post, 3)
    assert asked.askable
    assert str(asked) == "POST /cart is not idempotent: it may do something again, 3 times"
    (asked,) = to_be_asked(Request("POST", "/a.B/C", headers=Headers((GRPC,))), 1)
    assert str(asked) == "POST /a.B/C is a gRPC call, which may do something again"
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        assert list(to_be_asked(Request(method, "/", body=Body(b"x")), 1)) == []


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True),
        ("localhost", True), ("api.localhost", True), ("example.com", False), ("10.0.0.1", False),
        ("localhost.example.com", False), ("", False),
    ],
)  # fmt: skip
def test_what_leaves_this_machine_is_asked_for(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours
    assert [each.askable for each in of_host(host)] == [] if ours else [True]
