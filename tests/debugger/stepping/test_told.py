"""What is said of a stop and of a whole run: short where there is much, and safe to print."""

from __future__ import annotations

from dataclasses import replace

from debugger.stepping import told
from debugger.stepping.cursor import Cursor
from debugger.stepping.guest.places import Places
from mesh_traffic import Headers, Request
from tests.debugger.stepping.runs import busy, history, session
from tests.wasm_filters.probe import Call
from tests.wasm_filters.script import Script

NOWHERE = Places({})


def test_memory_is_shown_as_hexdump_does() -> None:
    assert list(told.dump(0x1000, b"0123456789abcdef\0\x7fz")) == [
        "00001000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|",
        "00001010  00 7f 7a                                         |..z|",
    ]


def test_of_many_fields_the_first_are_shown_and_how_many_there_are() -> None:
    request = Request("GET", "/", headers=Headers.of((f"x-{at}", "1") for at in range(300)))
    cursor = Cursor(history(busy(), request=request))
    cursor.until([lambda stop: stop.event.name == "proxy_on_request_headers"])
    lines = list(told.headers(cursor, NOWHERE))
    assert len(lines) == told.MAX_FIELDS + 2
    assert lines[-1] == "  … (304 fields)"


def test_a_value_that_is_cut_or_no_text_keeps_its_quotes() -> None:
    values = (("x-long", "a" * 500), ("x-bytes", "\udcff"), ("x-quoted", "it's"))
    request = Request("GET", "/", headers=Headers.of(values))
    cursor = Cursor(history(busy(), request=request))
    cursor.until([lambda stop: stop.event.name == "proxy_on_request_headers"])
    assert list(told.headers(cursor, NOWHERE))[5:] == [
        f"  x-long: '{'a' * 200}'… (500 bytes)",
        "  x-bytes: b'\\xff'",
        "  x-quoted: it's",
    ]


def test_the_log_ends_with_the_line_of_this_step() -> None:
    calls = [Call("proxy_log", [2, f"line {at}".encode()]) for at in range(30)]
    cursor = Cursor(history(Script({"proxy_on_request_headers": calls}).code()))
    cursor.until([lambda stop: any(log.message == "line 24" for log in stop.logs)])
    lines = list(told.logs(cursor, NOWHERE))
    assert (len(lines), lines[0], lines[-1]) == (told.MAX_LOGS, "info: line 5", "info: line 24")


def test_what_a_run_lacks_is_noted() -> None:
    found = session(busy()).cursor.history
    assert list(told.notes(found, NOWHERE)) == []
    lacking = replace(found, lost=1200, unknown=2, blind_from=7)
    assert list(told.notes(lacking, NOWHERE)) == [
        "1,200 calls at the end were too many to be kept",
        "2 calls to services: not in the recording, so nobody answered",
        "from step 7 on, changes were too much to be kept",
    ]
