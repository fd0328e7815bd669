"""A planted secret never comes out, wherever it was put; what holds none is not touched."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import parse_qs, unquote, unquote_plus

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_traffic import Body, Exchange, Response, replace
from tap.live.wire import encode
from tap.redact import Redactor
from tap.redact.websocket import frames
from tests.tap.redact.planted import (
    FORM,
    JSON,
    KEPT,
    LOOKS,
    PLACES,
    answer,
    grpc,
    in_json,
    protobuf,
)

REDACT = Redactor(key=b"key")
REDACT(answer(b""))  # made ready now: no example has to wait for that


def seen(exchange: Exchange) -> bytes:
    """All that a person could read in ``exchange`` with any tool."""
    texts = [encode(exchange), unquote_plus(encode(exchange).decode()).encode()]
    for body in (exchange.request.body, exchange.response.body if exchange.response else Body()):
        texts += [body.data, *readings(body.data)]
    return b"\n".join(texts).replace(b"\\/", b"/")


def readings(data: bytes) -> list[bytes]:
    found = [data.decode("utf-16", "ignore").encode(), data.decode("utf-16-le", "ignore").encode()]
    found += [unquote_plus(data.decode("utf-8", "ignore")).encode()]
    found += [frame.payload for frame in frames(data)]
    for undo in (gzip.decompress, lambda it: gzip.decompress(gzip.decompress(it)), zlib.decompress):
        for start in (0, 5):
            try:
                found.append(undo(data[start:]))
            except (OSError, EOFError, zlib.error):
                continue
    try:
        found.append(base64.b64decode(data, validate=True))
    except ValueError:
        found.append(b"")
    try:
        found.append(brotli.decompress(data))
    except brotli.error:
        found.append(b"")
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("look", LOOKS)
def test_a_secret_is_gone_by_its_looks(look: str, place: str) -> None:
    text, secret = LOOKS[look]
    planted = PLACES[place](text)
    if place != "websocket, deflated":
        assert secret[:KEPT].encode() in seen(planted), "it was planted"
    got = seen(REDACT(planted))
    assert secret.encode() not in got
    assert b"redacted" in got or b"[" in got


@pytest.mark.parametrize("place", PLACES)
def test_what_holds_no_secret_is_the_same_object(place: str) -> None:
    planted = PLACES[place](
        "order 4111111111111112 of 1767225600000, 0.4111111111111111, basic, Bearer"
    )
    got = REDACT(planted)
    assert got == planted


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("place", ["text", "json", "gzip", "grpc", "multipart", "form", "binary"])
def test_a_secret_that_was_cut_off_is_gone(look: str, place: str) -> None:
    text, secret = LOOKS[look]
    whole = PLACES[place](text)
    assert whole.response is not None
    data = whole.response.body.data
    plain = gzip.decompress(data) if place == "gzip" else data
    if secret[:KEPT].encode() not in plain:
        pytest.skip("written in another way")
    start = plain.index(secret[:KEPT].encode())
    for end in range(start + KEPT, start + len(secret)):
        cut = plain[:end]
        if place == "gzip":
            it = zlib.compressobj(wbits=31)
            cut = it.compress(cut) + it.flush(zlib.Z_SYNC_FLUSH)
        got = REDACT(
            Exchange(
                "1", "n", whole.request, Response(200, whole.response.headers, Body(cut, True))
            )
        )
        assert secret[:KEPT].encode() not in seen(got), end


NAMES = ["password", "user_password", "accessToken", "client-secret", "api_key", "X-Api-Key", "pin"]
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)
VALUES = VALUES.filter(lambda value: value.strip("*"))  # hidden already


@given(st.sampled_from(NAMES), VALUES)
def test_a_value_is_gone_by_its_name_in_json(name: str, value: str) -> None:
    document = {"a": 1, "inner": {name: value, "z": [True, None]}, "list": [{name: [value]}]}
    for ascii_only in (True, False):
        sent = json.dumps(document, ensure_ascii=ascii_only).encode()
        got = REDACT(answer(sent, JSON))
        assert got.response is not None
        after = json.loads(got.response.body.data)
        mark = REDACT.mark(value)
        assert after["inner"] == {name: mark, "z": [True, None]}
        assert after["list"] == [{name: [mark]}]


@given(st.sampled_from([*NAMES, "sig", "user[password]"]), VALUES, st.booleans())
def test_a_value_is_gone_by_its_name_in_a_form(name: str, value: str, in_path: bool) -> None:
    from urllib.parse import urlencode

    form = urlencode([("a", "1"), (name, value), ("z", "x y")])
    sent = answer(form.encode(), FORM)
    if in_path:
        sent = replace(sent, request=replace(sent.request, path=f"/a?{form}"))
    got = REDACT(sent)
    assert got.response is not None
    mark = REDACT.mark(value)
    expected = {"a": ["1"], name: [mark], "z": ["x y"]}
    assert parse_qs(got.response.body.data.decode()) == expected
    if in_path:
        assert parse_qs(got.request.path.partition("?")[2]) == expected
        assert " " not in got.request.path


@given(st.sampled_from(NAMES), st.integers(0, 10**20))
def test_a_number_under_a_secret_name_becomes_a_string(name: str, value: int) -> None:
    got = REDACT(answer(json.dumps({name: value, "n": [1]}).encode(), JSON))
    assert got.response is not None
    assert json.loads(got.response.body.data) == {name: REDACT.mark(str(value)), "n": [1]}


@given(st.text(max_size=200))
def test_text_without_secrets_is_unchanged(text: str) -> None:
    quiet = text.encode("utf-8", "surrogatepass").replace(b":", b"").replace(b"=", b"")
    sent = answer(quiet)
    assert REDACT(sent).response == sent.response


@given(
    st.binary(max_size=300),
    st.sampled_from(
        [
            "",
            JSON,
            FORM,
            "multipart/form-data; boundary=x",
            "application/grpc",
            "application/protobuf",
            "application/grpc-web-text",
            "text/html",
            "text/plain; charset=utf-16",
        ]
    ),
    st.sampled_from(["", "gzip", "br", "zstd", "deflate", "gzip, x"]),
    st.booleans(),
)
def test_any_bytes_give_a_body(data: bytes, kind: str, coding: str, cut: bool) -> None:
    fields = {"content_encoding": coding, "grpc_encoding": coding}
    got = REDACT(answer(data + b" Bearer mF_9.B5f-4.1JqM", kind, cut, **fields))
    assert b"mF_9.B5f-4.1JqM" not in seen(got)
    assert got.response is not None
    if not got.response.body.data.startswith(b"[redacted: "):
        assert REDACT(got) == got, "redacting twice is redacting once"


def test_lengths_in_a_grpc_message_stay_right() -> None:
    jwt = LOOKS["jwt"][1].encode()
    message = protobuf(b"before", jwt, b"2after")
    got = REDACT(answer(grpc(message), "application/grpc"))
    assert got.response is not None
    data = got.response.body.data
    hidden = data[5:].removeprefix(protobuf(b"before"))[2:]
    assert data[:5] == grpc(message)[:5]
    assert hidden[: len(jwt)].startswith(b"[redacted ")
    assert hidden[len(jwt) :] == protobuf(b"", b"", b"2after")[4:]


def test_an_undone_coding_is_told_in_the_headers() -> None:
    sent = PLACES["gzip"]("Bearer mF_9.B5f-4.1JqM")
    got = REDACT(sent).response
    assert got is not None
    assert got.headers.get("content-encoding") is None
    assert got.headers.get("x-meshloom-content-encoding") == "gzip"
    assert json.loads(got.body.data)["z"] == "end"
    assert got.body.size == len(in_json("Bearer mF_9.B5f-4.1JqM"))
    assert unquote(got.body.text) == got.body.text
