"""A session is told what to do in words, and answers in lines."""

from __future__ import annotations

import pytest

from debugger.stepping.run.history import SteppingError
from debugger.stepping.session import ALIASES, COMMANDS, read_range
from tests.debugger.stepping.runs import LINES, busy, session

LOUD = {"x-loud": "1"}


def test_it_steps_forward_and_back_and_says_where_it_is() -> None:
    found = session(LINES, LOUD)
    assert found.do("step") == [
        "step 2 of 6   request 1   m0   proxy_on_request_headers   context 2",
        "==> proxy_get_header_map_value(request_headers, 'x-loud')",
        "<== ok '1'",
        "at filter::has   /src/filter.rs:53",
    ]
    assert found.do("s 2")[0].startswith("step 4 of 6")
    assert found.do("back")[0].startswith("step 3 of 6")
    assert found.do("back 7")[:1] == ["the beginning of the recording"]


def test_it_stops_at_breakpoints_on_the_way_there_and_back() -> None:
    found = session(LINES, LOUD)
    assert found.do("break hostcall proxy_log") == ["breakpoint 1: hostcall proxy_log"]
    assert found.do("break header x-greeted") == ["breakpoint 2: header x-greeted"]
    assert found.do("continue")[0].startswith("step 3 of 6")
    assert found.do("c")[0].startswith("step 4 of 6")
    assert found.do("c")[:1] == ["the end of the recording"]
    assert found.do("reverse")[0].startswith("step 4 of 6")
    assert found.do("delete 1") == ["deleted: hostcall proxy_log"]
    assert found.do("breakpoints") == ["1: header x-greeted   holds at 1 step"]
    assert found.do("reverse")[:1] == ["the beginning of the recording"]


def test_watched_memory_stops_it_where_it_changes() -> None:
    found = session(LINES, LOUD)
    found.do("go 2")
    (line,) = found.do("watch 0x100000 8")
    assert line.startswith("watched: 8 bytes at 0x100000")
    assert any("memory of 8 bytes at 0x100000" in one for one in found.do("show"))


def test_everything_at_a_step_is_told_section_by_section() -> None:
    found = session(busy())
    found.do("until hostcall proxy_log")
    told = "\n".join(found.do("show"))
    for part in ("headers", "properties", "shared data", "metrics", "log"):
        assert f"\n{part}\n" in told, part
    assert found.do("shared") == ["key = 'value'"]
    assert found.do("metrics") == ["counter hits = 3", "gauge level = 7", "histogram sizes = 9"]
    assert found.do("property request.method") == ["request.method = 'GET'"]
    assert found.do("log") == ["info: said"]
    assert found.do("bodies") == ["no bodies at this step"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("stp", "unknown command 'stp'; did you mean 'step'?"),
        ("step x", "expected the number of a step, got 'x'"),
        ("go 99", "no step 99, expected one of 1 to 5"),
        ("until hostcal x", "unknown condition 'hostcal'; did you mean 'hostcall'?"),
        ("until trap", "not after this step: trap"),
        ("memory", "expected an address and perhaps a size, as in '0x1000 64', got ''"),
        ("memory 0xfffffff0", "address 0xfffffff0 is outside of the memory at this step"),
        ("delete 1", "no breakpoint 1"),
        ("property", "expected a property's path, as in 'request.path'"),
    ],
)
def test_what_can_not_be_done_is_told_in_a_line(command: str, said: str) -> None:
    assert session(LINES).do(command)[0] == said


def test_help_tells_every_command() -> None:
    told = "\n".join(session(LINES).do("help"))
    assert all(f"  {name}" in told for name in COMMANDS)
    assert set(ALIASES.values()) <= set(COMMANDS)


def test_what_comes_from_outside_can_not_move_a_cursor() -> None:
    found = session(LINES, {"x-loud": "\x1b[2J\x07"})
    assert all("\x1b" not in line for line in (*found.do("show"), *found.do("step")))


@pytest.mark.parametrize("text", ["", "x", "1 2 3", "1 0", "1 4097"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SteppingError, match="expected"):
        read_range(text)
