"""What can be changed of a message, and what would be none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debugger.breakpoints.breakpoint import Phase
from debugger.gate.edit import MAX_BODY, MAX_VALUE, Edit, EditError, checked
from mesh_traffic import Exchange, Headers, Request, Response

ASKED = Exchange("1", "n", Request(headers=Headers.of({"content-type": "application/json"})))
ANSWERED = Exchange("1", "n", Request("HEAD"), Response(200))
MARK = b"[redacted 3f9a1c]"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("content-length", "3", "content-length: the body says how long it is"),
        ("Transfer-Encoding", "x", "Transfer-Encoding: Envoy says how a body is sent"),
        ("connection", "x", "connection: it is about one connection, not about the message"),
        ("host", "a", "host: write :authority"),
        ("a b", "x", "'a b' is no name of a field (RFC 9110, section 5.1)"),
        ("", "x", "'' is no name of a field (RFC 9110, section 5.1)"),
        ("x", "1\r\nevil: 1", "x: a value can't hold control characters or line breaks"),
        ("x", "a\0b", "x: a value can't hold control characters or line breaks"),
        ("x", "y" * (MAX_VALUE + 1), f"x: {MAX_VALUE + 1} characters, wanted at most {MAX_VALUE}"),
        (":path", "a", ":path: got 'a', wanted a path that begins with / and holds no blanks"),
        (":method", "GE T", ":method: got 'GE T', wanted a method such as GET"),
        (":scheme", "ftp", ":scheme: got 'ftp', wanted http or https"),
        (
            ":status",
            "200",
            ":status: a request has no such field to set, but :method, :path, :authority, :scheme",
        ),
        (
            ":protocol",
            "x",
            ":protocol: a request has no such field to set, but :method, :path, :authority, "
            ":scheme",
        ),
    ],
)
def test_a_field_that_would_be_none_is_refused(name: str, value: str, why: str) -> None:
    with pytest.raises(EditError) as caught:
        checked(Edit({name: value}), Phase.REQUEST, ASKED, {})
    assert str(caught.value) == why


@pytest.mark.parametrize("status", ["100", "600", "20", "abc", ""])
def test_a_response_has_a_status_that_can_be_sent(status: str) -> None:
    with pytest.raises(EditError, match="wanted a status from 200 to 599"):
        checked(Edit({":status": status}), Phase.RESPONSE, ANSWERED, {})


def test_what_a_message_can_not_be_without_can_not_be_removed() -> None:
    with pytest.raises(EditError, match=":path: a request has no such field to set; it can't be"):
        checked(Edit(removed=(":path",)), Phase.REQUEST, ASKED, {})


@pytest.mark.parametrize(
    ("exchange", "phase", "why"),
    [
        (ANSWERED, Phase.RESPONSE, "the response to a HEAD request has no body"),
        (
            Exchange("1", "n", Request(), Response(304)),
            Phase.RESPONSE,
            "a response with status 304 has no body",
        ),
        (
            Exchange("1", "n", Request(headers=Headers.of({"upgrade": "websocket"}))),
            Phase.REQUEST,
            "what follows an upgrade is no body",
        ),
    ],
)
def test_what_has_no_body_gets_none(exchange: Exchange, phase: Phase, why: str) -> None:
    with pytest.raises(EditError, match=why):
        checked(Edit(body=b"x"), phase, exchange, {})


def test_a_body_has_a_limit() -> None:
    with pytest.raises(EditError, match=f"a body of {MAX_BODY + 1} bytes"):
        checked(Edit(body=b"x" * (MAX_BODY + 1)), Phase.REQUEST, ASKED, {})


def test_names_are_sent_in_lower_case() -> None:
    edit = checked(Edit({"X-Plan": "team"}, ("Old",)), Phase.REQUEST, ASKED, {})
    assert (edit.set, edit.removed) == ({"x-plan": "team"}, ("old",))


def test_a_mark_becomes_its_secret_again_as_its_place_wants_it() -> None:
    secrets = {MARK: b'say "x"'}
    body = b'{"a": "[redacted 3f9a1c]"}'
    edit = checked(Edit({"x": "is [redacted 3f9a1c]"}, body=body), Phase.REQUEST, ASKED, secrets)
    assert edit.set == {"x": 'is say "x"'}
    assert edit.body == b'{"a": "say \\"x\\""}'


def test_a_mark_of_nothing_here_is_never_sent() -> None:
    for edit in (Edit({"x": "[redacted 000000]"}), Edit(body=b"[redacted+000000]")):
        with pytest.raises(EditError, match="stands for a secret that is not of this message"):
            checked(edit, Phase.REQUEST, ASKED, {MARK: b"x"})


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3), st.binary())
def test_whatever_passes_is_a_message(fields: dict[str, str], body: bytes) -> None:
    with contextlib.suppress(EditError):
        edit = checked(Edit(fields, body=body), Phase.REQUEST, ASKED, {})
        for name, value in edit.set.items():
            assert name == name.lower()
            assert not set("\r\n\0") & set(name + value)
