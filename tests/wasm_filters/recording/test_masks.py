"""Secrets in a recording: gone, and still as good for a replay as they can be."""

from __future__ import annotations

import base64
import json

import pytest

from mesh_traffic import Body, Headers, Request, Response
from tap.redact import Redactor
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.recording.worlds import SECRET, asks, recorded, recorder, upstream
from tests.wasm_filters.script import Script
from wasm_filters.module import Module
from wasm_filters.recording.masks import masked
from wasm_filters.recording.recording import Recording
from wasm_filters.recording.replay import replay

is_secret = Redactor().is_secret


def text(recording: Recording) -> str:
    return "\n".join(json.dumps(line.model_dump(mode="json")) for line in recording.lines())


def of(code: bytes, request: Request) -> Recording:
    made = recorder(code)
    made.start()
    made.handle(request, upstream)
    return made.recording


def test_a_secret_is_nowhere_in_what_is_written() -> None:
    recording = recorded(asks()).recording
    assert SECRET in text(recording)
    found = text(masked(recording, is_secret))
    assert SECRET not in found
    assert "made-by-filter" not in found
    assert "Bearer " in found


def test_a_masked_recording_is_as_good_for_a_filter_that_passes_secrets_on() -> None:
    """Also for a value that the filter itself makes, from nothing that was masked."""
    recording = masked(recorded(asks()).recording, is_secret)
    assert replay(recording, [Module.of(asks())]).identical


def test_a_masked_recording_still_tells_another_build() -> None:
    recording = masked(recorded(asks()).recording, is_secret)
    assert replay(recording, [Module.of(asks(b"x-name"))]).departure is not None
    longer = asks(
        proxy_on_response_headers=[
            Call("proxy_add_header_map_value", [2, b"set-cookie", b"id=longer-than-that-was"])
        ]
    )
    assert replay(recording, [Module.of(longer)]).departure is not None


def test_placeholders_look_like_what_they_stand_for() -> None:
    recording = masked(recorded(asks()).recording, is_secret)
    (mark,) = (one for one in recording.header.masked if len(one) == len(SECRET))
    assert mark.decode() != SECRET
    for ours, theirs in zip(mark.decode(), SECRET, strict=True):
        assert (ours.isdigit(), ours.isalpha(), ours == "-") == (
            theirs.isdigit(),
            theirs.isalpha(),
            theirs == "-",
        )


def test_two_recordings_mask_the_same_secret_differently() -> None:
    recording = recorded(asks()).recording
    assert masked(recording, is_secret).header.masked != masked(recording, is_secret).header.masked


def test_a_recording_without_secrets_stays_as_it_is() -> None:
    recording = of(Script({"proxy_on_log": []}).code(), Request())
    assert masked(recording, is_secret) is recording


@pytest.mark.parametrize(
    ("headers", "gone", "stays"),
    [
        ({"cookie": "session=abc123; theme=dark"}, ["abc123"], ["session=", "theme=dark"]),
        ({"x-api-key": "k3y-0f-mine"}, ["k3y-0f-mine"], []),
        (
            {"authorization": "Basic " + base64.b64encode(b"bob:passw0rd").decode()},
            ["passw0rd"],
            [],
        ),
        ({"cookie": "a=headers; b=request; c=proxy_on_log"}, [], []),
        ({"x-token": "a"}, [], []),
    ],
)
def test_the_parts_of_a_value_are_secret(
    headers: dict[str, str], gone: list[str], stays: list[str]
) -> None:
    echo = Script(
        {
            "proxy_on_request_headers": [Call("proxy_get_header_map_pairs", [0, Out.TEXT])],
            "proxy_on_log": [Call("proxy_log", [2, b"passw0rd abc123 k3y-0f-mine"])],
        }
    )
    recording = masked(of(echo.code(), Request(headers=Headers.of(headers))), is_secret)
    found = text(recording)
    assert not [one for one in gone if one in found]
    assert all(one in found for one in stays)
    assert replay(recording, [Module.of(echo.code())]).requests == 1


@pytest.mark.parametrize(
    "path", [b"request\0headers\0x-api-key", b"request\0headers\0authorization"]
)
def test_a_secret_that_is_read_as_a_property_is_one(path: bytes) -> None:
    code = Script({"proxy_on_log": [Call("proxy_get_property", [path, Out.TEXT])]}).code()
    name = path.rpartition(b"\0")[2].decode()
    recording = of(code, Request(headers=Headers.of({name: "hidden-value"})))
    assert "hidden-value" not in text(masked(recording, is_secret))


def test_a_secret_inside_of_bytes_is_found_and_one_that_was_cut_at_the_end() -> None:
    code = Script(
        {"proxy_on_request_body": [Call("proxy_get_buffer_bytes", [0, 0, 1 << 20, Out.TEXT])]}
    ).code()
    filler = b"x" * (64 * 1024 - 8)
    body = Body(b"\xff" + SECRET.encode() + b"\xff")
    cut = Body(filler + SECRET.encode())
    for one in (body, cut):
        request = Request("POST", headers=Headers.of({"x-token": SECRET}), body=one)
        made = recorder(code)
        made.start()
        made.handle(request, lambda request: Response(200))
        found = text(masked(made.recording, is_secret))
        assert SECRET[:8] not in found
        assert base64.b64encode(body.data).decode() not in found
