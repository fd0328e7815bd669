"""Filters with one fault each: the hunt finds it, and the shortest case that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.config import PluginConfig
from wasm_filters.engine.border import Limits
from wasm_filters.fuzzing.attempt import CHUNKS, HANG, PAUSE, TRAP, Subject, attempt
from wasm_filters.fuzzing.draft import Draft
from wasm_filters.fuzzing.hunt import Hunt, Report
from wasm_filters.fuzzing.leaks import leak
from wasm_filters.fuzzing.lexicon import Lexicon
from wasm_filters.fuzzing.testfile import file_name, text
from wasm_filters.module import Module
from wasm_filters.pairs import encode_pairs
from wasm_filters.testing.cases import cases
from wasm_filters.testing.load import load
from wasm_filters.testing.runner import Runner

QUICK = Limits(deadline=0.05, memory=64 << 20)
FOUND = "(if (i32.eqz (local.get $status)) (then (unreachable)))"
FIELDS = encode_pairs([(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a")])


def looks_for(name: bytes, then: str = FOUND) -> bytes:
    """A filter that does ``then`` when a request has the header ``name``."""
    size = len(name)
    wanted = "".join(f"\\{byte:02x}" for byte in name)
    return guest(
        f'(data (i32.const 32) "{wanted}")',
        f"""(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (local $status i32)
        (local.set $status (call $get (i32.const 0) (i32.const 32) (i32.const {size})
          (i32.const 0) (i32.const 4)))
        {then} (i32.const 0))""",
        imports="""(import "env" "proxy_get_header_map_value"
          (func $get (param i32 i32 i32 i32 i32) (result i32)))""",
    )


def subject(code: bytes, configuration: bytes = b"", chunks_agree: bool = False) -> Subject:
    config = PluginConfig("f", configuration=configuration)
    return Subject(Module.of(code, "f.wasm"), config, QUICK, chunks_agree)


def hunted(
    code: bytes, count: int = 100, seed: int = 0, most: int = 1, **more: bytes | bool
) -> Report:
    aim = subject(code, **more)  # type: ignore[arg-type] # options as they come
    own = aim.config.configuration.decode()
    return Hunt(aim, Lexicon.of(code, own), seed, count, most=most).run()


def test_a_header_that_the_filter_asks_for_is_tried() -> None:
    (found,) = hunted(looks_for(b"x-crash-me")).found
    assert (found.finding.kind, found.finding.callback) == (TRAP, "proxy_on_request_headers")
    (step,) = found.draft.steps
    assert step == {"request": {"path": "/", "headers": {"x-crash-me": [""]}}}


def test_a_hang_is_found() -> None:
    hangs = "(if (i32.eqz (local.get $status)) (then (loop $l (br $l))))"
    (found,) = hunted(looks_for(b"x-slow", hangs), 60).found
    assert found.finding.kind == HANG
    assert list(found.draft.steps[0]["request"]["headers"]) == ["x-slow"]


def test_a_pause_that_nothing_ends_is_found() -> None:
    pauses = "(if (i32.eqz (local.get $status)) (then (return (i32.const 1))))"
    (found,) = hunted(looks_for(b"x-wait", pauses)).found
    assert (found.finding.kind, found.finding.callback) == (PAUSE, "proxy_on_request_headers")
    assert found.finding.expect == {"paused": False}


def test_a_text_in_the_module_is_tried() -> None:
    """The filter traps at a path that stands in its data and nowhere else."""
    path = b"/hidden/door"
    wanted = "".join(f"\\{byte:02x}" for byte in path)
    same = " ".join(
        f"(i64.eq (i64.load offset={at} (local.get $p)) (i64.load offset={at} (i32.const 64)))"
        for at in (0, 4)
    )
    code = guest(
        f'(data (i32.const 32) ":path") (data (i32.const 64) "{wanted}")',
        f"""(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (local $p i32)
        (drop (call $get (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 0) (i32.const 4)))
        (local.set $p (i32.load (i32.const 0)))
        (if (i32.and {same}) (then (unreachable))) (i32.const 0))""",
        imports="""(import "env" "proxy_get_header_map_value"
          (func $get (param i32 i32 i32 i32 i32) (result i32)))""",
    )
    (found,) = hunted(code).found
    assert found.draft.steps[0]["request"]["path"] == "/hidden/door"


def test_an_answer_to_a_callout_that_the_filter_can_not_bear_is_found() -> None:
    """The cluster's name is learnt from the call."""
    call = Call("proxy_http_call", [b"auth", FIELDS, b"", b"", 1000, Out.NUMBER])
    script = Script(
        {
            "proxy_on_request_headers": [call],
            "proxy_on_http_call_response": [
                Call("proxy_get_buffer_bytes", [4, 0, 99, Out.TEXT]),
                "(if (i32.load (i32.const 4)) (then (unreachable)))",
            ],
        }
    )
    (found,) = hunted(script.code()).found
    assert found.finding.callback == "proxy_on_http_call_response"
    (answer,) = found.draft.clusters["auth"]
    assert answer.keys() <= {"body", "refused", "after"}


def test_a_filter_that_waits_for_a_service_that_never_answers_is_no_finding() -> None:
    call = Call("proxy_http_call", [b"auth", FIELDS, b"", b"", 0, Out.NUMBER])
    continues = [
        Call("proxy_set_effective_context", [2]),
        Call("proxy_continue_stream", [0]),
    ]
    script = Script(
        {"proxy_on_request_headers": [call], "proxy_on_http_call_response": continues},
        answers={"proxy_on_request_headers": 1},
    )
    aim = subject(script.code())
    request = {"request": {"path": "/"}}
    assert attempt(aim, Draft([request], clusters={"auth": [{"never": True}]})) is None
    assert attempt(aim, Draft([request], clusters={"auth": [{"status": 200}]})) is None
    unknown = attempt(aim, Draft([request]))
    assert unknown is not None
    assert unknown.kind == PAUSE


def test_a_configuration_that_the_filter_can_not_bear_is_found() -> None:
    script = Script(
        {
            "proxy_on_configure": [
                "(if (i32.lt_u (local.get $a1) (i32.const 10)) (then (unreachable)))"
            ]
        }
    )
    (found,) = hunted(script.code(), configuration=b'{"limit": 10, "unit": "s"}').found
    assert found.finding.callback == "proxy_on_configure"
    assert found.draft.configuration is not None
    assert len(found.draft.configuration) < 10


def test_a_body_that_is_treated_differently_in_pieces_is_found_if_asked() -> None:
    """Each piece gets a mark in front."""
    marks = Script({"proxy_on_request_body": [Call("proxy_set_buffer_bytes", [0, 0, 0, b">"])]})
    assert hunted(marks.code(), 20).found == []
    (found,) = hunted(marks.code(), 20, chunks_agree=True).found
    assert found.finding.kind == CHUNKS
    assert found.finding.reason.startswith("the request's body is b'>")


def test_memory_that_grows_with_each_request_is_found() -> None:
    grows = on_request_headers("(drop (memory.grow (i32.const 1)))")
    found = leak(subject(guest(grows), configuration=b""))
    assert found is None  # the limit was reached first: 64 MiB
    calm = Limits(deadline=1, memory=1 << 30)
    aim = Subject(Module.of(guest(grows)), PluginConfig(), calm)
    found = leak(aim)
    assert found is not None
    assert str(found).startswith("memory grows: 25,664, 51,264,")
    assert leak(subject(guest())) is None


def test_two_faults_are_two_findings() -> None:
    both = Script(
        {
            "proxy_on_request_body": ["(unreachable)"],
            "proxy_on_response_trailers": ["(unreachable)"],
        }
    )
    # on a busy machine one of them may be found a second time, as a hang
    found = {one.finding.callback for one in hunted(both.code(), most=3).found}
    assert found == {"proxy_on_request_body", "proxy_on_response_trailers"}


def test_the_same_seed_finds_the_same_and_another_makes_other_cases() -> None:
    code = looks_for(b"x-crash")

    def seen(seed: int) -> str:
        report = hunted(code, 40, seed)
        return str([(one.draft.key, one.after, report.shrinks) for one in report.found])

    first = seen(1)
    assert seen(1) == first
    assert seen(2) != first


def test_time_ends_a_hunt() -> None:
    code = guest()
    report = Hunt(subject(code), Lexicon.of(code), count=None, seconds=0.3).run()
    assert report.cases > 0
    assert report.found == []


@pytest.mark.parametrize(
    ("code", "fixed"),
    [
        (looks_for(b"x-crash"), looks_for(b"x-crash", "")),
        (
            Script({"proxy_on_request_headers": []}, {"proxy_on_request_headers": 1}).code(),
            guest(),
        ),
    ],
)
def test_what_was_found_is_a_test_that_fails_until_the_filter_is_mended(
    code: bytes, fixed: bytes, tmp_path: Path
) -> None:
    (found,) = hunted(code, configuration=b'{"a": 1}').found
    filter_file = tmp_path / "f.wasm"
    file = tmp_path / "found" / file_name("f", found)
    file.parent.mkdir()
    file.write_text(text(found, filter_file, file.parent, '{"a": 1}', "root", 7))
    filter_file.write_bytes(code)
    assert outcome(file) == [False]
    filter_file.write_bytes(fixed)
    assert outcome(file) == [True]


def outcome(file: Path) -> list[bool]:
    runner = Runner()
    return [runner.run(case).passed for case in cases(load(file))]


def test_no_case_is_wrong_in_the_words_of_a_test_file() -> None:
    """Every case runs, whatever it is made of: a filter that does nothing survives all."""
    script = Script({"proxy_on_configure": []}).code()
    for seed in range(2):
        report = hunted(script, 60, seed, configuration=b'{"a": [1, {"b": "c"}]}')
        assert (report.cases, report.found) == (60, [])
