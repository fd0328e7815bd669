"""DWARF 4 and 5 as rustc writes them: the lines, and what is inlined there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from debugger.stepping.guest.dwarf import lines_at
from debugger.stepping.run.stop import Kind, Stop
from mesh_traffic import Headers, Request
from tests.debugger.stepping.runs import DATA, LINES, LINES_5, history
from wasm_filters.inspection.sections import sections

REQUEST = Request("GET", "/", "here", "http", Headers.of({"x-loud": "1", "x-broken": "1"}))
SOURCE = (DATA / "filter.rs").read_text().splitlines()
BOTH = pytest.mark.parametrize("code", [LINES, LINES_5], ids=["dwarf4", "dwarf5"])


def stop_at(code: bytes, holds: Callable[[Stop], bool]) -> Stop:
    return next(stop for stop in history(code, request=REQUEST).stops if holds(stop))


@BOTH
def test_a_hostcall_is_at_its_line_and_inlined_in_its_callers(code: bytes) -> None:
    stop = stop_at(code, lambda stop: stop.event.name == "proxy_log")
    (frame,) = stop.frames
    lines = lines_at(code, [frame.offset])[frame.offset]
    assert [line.function for line in lines] == [
        "filter::say", "filter::greet", "filter::proxy_on_request_headers",
    ]  # fmt: skip
    texts = [SOURCE[line.line - 1].strip() for line in lines]
    assert texts[0].startswith("unsafe { proxy_log(")
    assert texts[1:] == ['say("HELLO");', 'greet(has("x-loud"));']
    assert {line.file for line in lines} == {"/src/filter.rs"}


@BOTH
def test_a_trap_is_at_its_line_and_its_caller_at_the_call(code: bytes) -> None:
    stop = stop_at(code, lambda stop: stop.kind is Kind.TRAP)
    found = lines_at(code, [frame.offset for frame in stop.frames])
    inner, outer = (found[frame.offset] for frame in stop.frames)
    assert SOURCE[inner[-1].line - 1].strip() == "core::arch::wasm32::unreachable()"
    assert SOURCE[outer[0].line - 1].strip() == "fail(unsafe { COUNTED });"


@BOTH
def test_a_place_that_is_in_no_function_has_no_lines(code: bytes) -> None:
    start = next(section.start for section in sections(code) if section.id == 10)
    assert lines_at(code, [start, len(code) - 1]) == {}
