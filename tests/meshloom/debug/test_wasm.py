"""``meshloom debug wasm``: what it prints for people and for scripts, and its exit codes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mesh_traffic import Headers, Request
from tests.debugger.stepping.runs import DATA, busy
from tests.meshloom.command import Done, inside
from tests.meshloom.tap.stored import store
from tests.tap.exchanges import SAMPLE, sample
from tests.wasm_filters.guests import guest
from tests.wasm_filters.probe import Call
from tests.wasm_filters.script import Script

FILTER = DATA / "dwarf4.wasm"
LOUD = ("-H", "x-loud: 1")


def debug(*arguments: str | Path) -> Done:
    return inside("debug", "wasm", *arguments)


def told(*arguments: str | Path) -> dict[str, Any]:
    done = debug(*arguments, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


@pytest.fixture
def changing(tmp_path: Path) -> Path:
    """A filter that changes a little of everything."""
    file = tmp_path / "changing.wasm"
    file.write_bytes(busy())
    return file


def test_without_a_terminal_each_step_is_a_line() -> None:
    done = debug(FILTER, *LOUD)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "     1  ==> proxy_on_request_headers(context=2, headers=5, end_of_stream=true)"
        "   [1 changed]   /src/filter.rs:57",
        "     2        proxy_get_header_map_value(request_headers, 'x-loud') ok '1'"
        "   /src/filter.rs:53",
        "     3        proxy_log(level=info, message='HELLO') ok   /src/filter.rs:36",
        "     4        proxy_add_header_map_value(request_headers, 'x-greeted', 'yes') ok"
        "   [1 changed]   /src/filter.rs:48",
        "     5        proxy_get_header_map_value(request_headers, 'x-broken') not found"
        "   /src/filter.rs:53",
        "     6  <== continue   proxy_on_request_headers",
    ]


def test_until_a_condition_holds_and_all_of_that_step_is_told() -> None:
    done = debug(FILTER, *LOUD, "--until", "header x-greeted")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "step 4 of 6   request 1   dwarf4   proxy_on_request_headers   context 2",
        "==> proxy_add_header_map_value(request_headers, 'x-greeted', 'yes')",
        "<== ok",
        "at filter::mark   /src/filter.rs:48",
        "",
        "changes",
        "  + request_headers: x-greeted 'yes'",
        "",
        "headers",
        "  request_headers",
        "    :authority: localhost",
        "    :path: /",
        "    :method: GET",
        "    :scheme: http",
        "    x-loud: 1",
        "    x-greeted: yes",
        "",
        "log",
        "  info: HELLO",
        "",
        "stack",
        "  0: filter::mark   /src/filter.rs:48",
        "  1: filter::proxy_on_request_headers   /src/filter.rs:60",
    ]


def test_a_step_as_json_has_its_whole_state(changing: Path) -> None:
    found = told(changing, "-X", "POST /x", "--until", "hostcall proxy_log", "--memory", "0:8")
    assert (found["call"], found["answer"], found["reached"]) == ("proxy_log", "ok", True)
    assert found["state"]["properties"] == {"mine": "kept", "request.path": "/x"}
    assert found["state"]["shared_data"] == {"key": "value"}
    assert found["state"]["metrics"] == {"hits": 3, "level": 7, "sizes": 9}
    assert [":method", "POST"] in found["state"]["request_headers"]
    assert found["log"] == [{"level": "info", "message": "said"}]
    assert (found["memory"][0]["address"], len(found["memory"][0]["hex"])) == (0, 16)


def test_all_steps_as_json() -> None:
    found = told(FILTER, *LOUD)
    assert [step["step"] for step in found["steps"]] == [1, 2, 3, 4, 5, 6]
    first, *_, last = found["steps"]
    assert (first["kind"], first["answer"]) == ("callback", None)
    assert (last["kind"], last["answer"]) == ("return", "continue")
    assert found["steps"][2]["line"]["line"] == 36


@pytest.mark.parametrize(
    ("options", "step"),
    [
        (("--at", "3"), 3),
        (("--until", "hostcall define_*"), 2),
        (("--at", "2", "--until", "hostcall define_*"), 3),
        (("--back", "--until", "hostcall define_*"), 4),
        (("--at", "4", "--back", "--until", "hostcall define_*"), 3),
        (("--until", "trap", "--until", "header x-b"), 7),
        (("--memory", "0:4"), 20),
    ],
)
def test_it_stops_where_it_is_told_to(changing: Path, options: tuple[str, ...], step: int) -> None:
    assert told(changing, *options)["step"] == step


def test_without_anything_to_step_through_it_says_what_it_wants() -> None:
    assert debug().err == "meshloom: expected FILTER.wasm, or --recording FILE\n"


def test_no_such_step_is_exit_code_one(changing: Path) -> None:
    done = debug(changing, "--until", "trap")
    assert (done.code, done.out, done.err) == (1, "", "no step is so: trap\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("meshloom:nobody",), "meshloom:nobody: "),
        (("FILTER", "--at", "99"), "no step 99, expected one of 1 to 20"),
        (("FILTER", "--until", "hostcal x"), "unknown condition 'hostcal'; did you mean"),
        (("FILTER", "--memory", "x"), "expected an address and perhaps a size"),
        (("FILTER", "--memory", "0xfffffff0"), "address 0xfffffff0 is outside of the memory"),
        (("--recording", "nowhere.jsonl"), "nowhere.jsonl: can't be read: No such file"),
        (("--recording", "a", "--exchange", "b"), "--recording and --exchange: expected one"),
    ],
)
def test_bad_input_is_told_in_a_line(changing: Path, arguments: Sequence[str], why: str) -> None:
    done = debug(*(changing if one == "FILTER" else one for one in arguments))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"meshloom: {why}")
    assert done.err.count("\n") == 1


def test_a_prompt_takes_commands_from_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("until log HELLO\nstep\n\nheaders\nquit\nstep\n"))
    done = debug(FILTER, *LOUD, "--prompt")
    steps = [line.split()[1] for line in done.out.splitlines() if line.startswith("step ")]
    assert steps == ["1", "3", "4", "5"]
    assert "    x-greeted: yes" not in done.out
    assert "  x-greeted: yes" in done.out


def test_a_recording_is_stepped_through_as_it_was(tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl"
    assert inside("wasm", "run", FILTER, *LOUD, "--record", recording).code == 0
    assert told("--recording", recording, "--until", "log HELLO")["step"] == 3


def test_another_build_of_a_recording_says_where_it_departs(tmp_path: Path) -> None:
    recording, other = tmp_path / "r.jsonl", tmp_path / "other.wasm"
    inside("wasm", "run", FILTER, *LOUD, "--record", recording)
    log = Call("proxy_log", [2, b"another"])
    other.write_bytes(Script({"proxy_on_request_headers": [log]}).code())
    done = debug(other, "--recording", recording)
    assert done.code == 0
    assert (
        "note: this run departs from the recording at hostcall 1, in proxy_on_request" in done.err
    )
    assert "note: the module has no debug information (DWARF)" in done.err


def test_a_filter_that_does_not_start_is_stepped_through_as_far_as_it_came(tmp_path: Path) -> None:
    file = tmp_path / "refuses.wasm"
    log = Call("proxy_log", [4, b"no"])
    refuse = {"proxy_on_configure": 0}
    file.write_bytes(Script({"proxy_on_configure": [log]}, answers=refuse).code())
    done = debug(file)
    assert done.code == 0
    assert "proxy_log(level=error, message='no')" in done.out
    assert "note: the filter does not start: " in done.err


def test_a_filter_in_which_nothing_is_called_has_no_steps(tmp_path: Path) -> None:
    file = tmp_path / "empty.wasm"
    file.write_bytes(guest())
    done = debug(file)
    assert (done.code, done.out) == (2, "")
    assert "the filters were called in nothing" in done.err


@pytest.mark.usefixtures("alone")
def test_a_captured_exchange_goes_through_the_filter_and_what_was_cut_is_said(
    changing: Path,
) -> None:
    store()
    found = told(changing, "--exchange", "9f3e", "--until", "header x-seen")
    headers = dict(map(tuple, found["state"]["response_headers"]))
    assert (headers[":status"], headers["retry-after"]) == ("503", "1")
    assert "captured: what was secret in it is masked, as the store keeps it" in found["notes"]
    cut = "the response's body was cut when it was captured: 8 bytes of 4,096 reach the filter"
    assert cut in found["notes"]
    asked = told(changing, "--exchange", "9f3e", "--until", "callback request_headers")
    assert [":path", "/reviews/1?full=1"] in asked["state"]["request_headers"]
    assert [value for name, value in asked["state"]["request_headers"] if name == "x-a"] == [
        "1",
        "2",
    ]


@pytest.mark.usefixtures("alone")
def test_an_exchange_without_a_response_never_gets_one(changing: Path) -> None:
    store(sample(response=None))
    found = told(changing, "--exchange", "9f3e")
    assert "no response was captured: none comes here either" in found["notes"]
    assert not [one for one in found["steps"] if one["call"] == "proxy_on_upstream_data"]


@pytest.mark.usefixtures("alone")
def test_what_only_a_log_has_seen_is_said_to_be_no_more(changing: Path) -> None:
    store(sample(sources=("access log",)))
    notes = told(changing, "--exchange", "9f3e")["notes"]
    assert any(note.startswith("only the access log saw it") for note in notes)


@pytest.mark.usefixtures("alone")
def test_an_exchange_that_is_not_there_is_bad_input(changing: Path) -> None:
    path = store()
    done = debug(changing, "--exchange", "zz")
    assert (done.code, done.err) == (2, f"meshloom: {path}: no exchange with id zz\n")
    store(sample(request=Request("", ""), response=None))
    assert "is no HTTP request of its own" in debug(changing, "--exchange", "9f3e").err


@pytest.mark.usefixtures("alone")
def test_what_was_captured_can_not_move_a_cursor(changing: Path) -> None:
    hostile = SAMPLE.request.__class__("GET", "/\x07", headers=Headers.of({"a": "\x1b[2J"}))
    store(sample(request=hostile))
    done = debug(changing, "--exchange", "9f3e", "--until", "hostcall proxy_log")
    assert done.code == 0
    assert not {"\x1b", "\x07"} & set(done.out + done.err)
