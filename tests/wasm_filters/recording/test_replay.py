"""A recording run again: the same build does the same, and another departs where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.recording.worlds import (
    FIELDS,
    PLACE,
    REQUEST,
    asks,
    recorded,
    recorder,
    upstream,
)
from tests.wasm_filters.script import Script
from wasm_filters.config import PluginConfig
from wasm_filters.errors import PluginError
from wasm_filters.filter import Filter
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.recording.file import parse, read, write
from wasm_filters.recording.recorder import Recorder
from wasm_filters.recording.recording import Recording
from wasm_filters.recording.replay import Replayed, replay

DATA = Path(__file__).parents[1] / "data/recordings"
POLICY = Path(__file__).parents[3] / "wasm_filters/filters/header_policy/header_policy.wasm"


def again(recording: Recording, code: bytes) -> Replayed:
    return replay(recording, [Module.of(code)])


def through_file(recording: Recording, folder: Path) -> Recording:
    write(recording, folder / "r.jsonl")
    return read(folder / "r.jsonl")


def test_the_same_build_does_the_same(tmp_path: Path) -> None:
    recording = recorded(asks()).recording
    done = again(through_file(recording, tmp_path), asks())
    assert done.identical
    assert (done.requests, done.hostcalls) == (1, recording.hostcalls)
    assert recording.hostcalls == 17


def test_a_file_holds_all_of_a_recording(tmp_path: Path) -> None:
    recording = recorded(asks()).recording
    assert list(through_file(recording, tmp_path).lines()) == list(recording.lines())


def test_recording_changes_nothing_of_what_a_filter_does() -> None:
    plain = Filter(Module.of(Script({"proxy_on_request_headers": []}).code()))
    made = recorder(Script({"proxy_on_request_headers": []}).code())
    made.start()
    ours, theirs = made.handle(REQUEST, upstream), plain.handle(REQUEST, upstream)
    assert (ours.request, ours.response) == (theirs.request, theirs.response)


def test_another_build_departs_at_a_hostcall() -> None:
    done = again(recorded(asks()).recording, asks(b"x-name"))
    assert done.departure is not None
    assert (done.departure.hostcall, done.departure.callback) == (10, "proxy_on_http_call_response")
    assert list(done.departure.shown) == [
        "        ==> proxy_get_buffer_bytes(http_call_response_body, 0, 99)",
        "        <== ok 'yes'",
        "        ==> proxy_set_effective_context(2)",
        "        <== ok",
        "-       ==> proxy_add_header_map_value(request_headers, 'x-user', 'bob')",
        "+       ==> proxy_add_header_map_value(request_headers, 'x-name', 'bob')",
        "        <== ok",
        "        ==> proxy_continue_stream(request)",
        "        <== ok",
        "  ==> proxy_on_response_headers(context=2, headers=2, end_of_stream=false)",
        "  <== continue",
    ]
    assert [(number, str(change)) for number, change in done.differences] == [
        (2, "- upstream headers: x-user 'bob'"),
        (2, "+ upstream headers: x-name 'bob'"),
    ]


def test_what_came_of_it_is_told_field_by_field() -> None:
    done = again(
        recorded(asks()).recording,
        asks(
            proxy_on_response_headers=[
                Call("proxy_replace_header_map_value", [2, b":status", b"201"]),
                Call("proxy_replace_header_map_value", [2, b"server", b"down"]),
            ],
            proxy_on_log=[Call("proxy_log", [4, b"oh no"])],
        ),
    )
    assert [str(change) for _, change in done.differences] == [
        "~ response: status 200 → 201",
        "~ response headers: server 'up' → 'down'",
        "- response headers: set-cookie 'id=made-by-filter'",
        '- log: "info: that\'s it"',
        "+ log: 'error: oh no'",
        "~ metric: requests 1 → 0",
    ]


def test_a_build_that_stops_calling_departs_where_it_stops() -> None:
    done = again(recorded(asks()).recording, asks(proxy_on_log=[]))
    assert done.departure is not None
    assert (done.departure.callback, done.departure.came) == ("proxy_on_log", None)
    assert done.departure.shown[-2:] == ("-       <== ok", "  <== return")


def test_a_build_that_traps_departs_in_the_callback_that_did() -> None:
    done = again(recorded(asks()).recording, asks(proxy_on_tick=["(unreachable)"]))
    assert done.departure is not None
    assert done.departure.came is not None
    assert done.departure.came.failure == "trapped: wasm `unreachable` instruction executed"


def test_a_build_that_does_not_start_is_told() -> None:
    done = again(recorded(asks()).recording, asks(proxy_on_vm_start=["(unreachable)"]))
    assert done.departure is not None
    assert done.departure.step == 1
    assert str(done.differences[0][1]).startswith("+ start: 'proxy_on_vm_start: trapped: wasm")


def test_a_start_that_failed_is_recorded_and_fails_again() -> None:
    code = Script({"proxy_on_configure": []}, {"proxy_on_configure": 0}).code()
    made = recorder(code)
    with pytest.raises(PluginError):
        made.start()
    assert again(made.recording, code).identical
    fixed = again(made.recording, Script({"proxy_on_configure": []}).code())
    assert [change.before for _, change in fixed.differences] == [
        "asks.wasm: proxy_on_configure refused the configuration"
    ]


def test_values_that_differ_where_the_text_is_cut_are_told_too() -> None:
    def sends(body: bytes) -> bytes:
        calls = [Call("proxy_log", [2, b"x" * 300 + body])]
        return Script({"proxy_on_log": calls}).code()

    made = recorder(sends(b"1"))
    made.start()
    made.handle(REQUEST)
    done = again(made.recording, sends(b"2"))
    assert done.departure is not None
    assert done.departure.shown == ("  proxy_log: arguments differ beyond what is shown",)


def test_the_clock_and_random_numbers_are_those_of_the_recording() -> None:
    """Another seed or another time is seen at once."""
    recording = recorded(asks()).recording
    for change in ({"clock": recording.header.clock + 1}, {"seed": 8}):
        header = recording.header.model_copy(update=change)
        done = again(Recording(header, recording.steps), asks())
        assert not done.identical


def test_services_give_their_recorded_answers_and_none_beyond_them() -> None:
    recording = recorded(asks()).recording
    assert again(recording, asks()).unknown == 0
    twice = Call("proxy_http_call", [b"auth", encode_pairs(FIELDS), b"", b"", 1000, Out.NUMBER])
    done = again(recording, asks(proxy_on_request_headers=[twice, twice]))
    assert done.unknown == 1


def test_several_plugins_are_recorded_together(tmp_path: Path) -> None:
    modules = [Module.of(Script({"proxy_on_request_headers": []}).code()) for _ in range(2)]
    plugins = [(one, PLACE, PluginConfig(name)) for one, name in zip(modules, "ab", strict=True)]
    made = Recorder(plugins)
    made.start()
    made.handle(Request())
    assert replay(through_file(made.recording, tmp_path), modules).identical
    assert [event.plugin for event in made.recording.steps[1].events] == ["a", "b"]


def test_a_recording_of_the_first_format_can_still_be_read() -> None:
    """Made by ``meshloom wasm run --record``; it stays as it is."""
    recording = parse((DATA / "format1.jsonl").read_bytes(), "format1.jsonl")
    assert replay(recording, [Module.load(POLICY)]).identical


def test_bytes_that_are_no_text_come_through(tmp_path: Path) -> None:
    request = Request(
        "POST", "/\udcff", headers=Headers.of({"x": "\udcfe"}), body=Body(b"\xff\x00\xfe")
    )
    made = recorder(
        Script(
            {
                "proxy_on_request_headers": [Call("proxy_get_header_map_pairs", [0, Out.TEXT])],
                "proxy_on_request_body": [Call("proxy_get_buffer_bytes", [0, 0, 9, Out.TEXT])],
            }
        ).code()
    )
    made.start()
    made.handle(request, lambda request: Response(200, body=request.body))
    recording = through_file(made.recording, tmp_path)
    assert list(recording.lines()) == list(made.recording.lines())
    sent = recording.steps[1].action
    assert sent.kind == "request"
    assert sent.request.request() == request
