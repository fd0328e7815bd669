"""Envoy's way and the spec's: each difference has a name, two answers, and a note if it is met."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mesh_traffic import Body, Headers, Request, Response
from tests.wasm_filters.probe import Call, Out, Probe
from wasm_filters.config import Mode
from wasm_filters.dialect import Difference
from wasm_filters.filter import Filter
from wasm_filters.http.outcome import Outcome
from wasm_filters.module import Module
from wasm_filters.worker import Worker

ROOT = Path(__file__).parents[2]
POST = Request("POST", "/", "here", headers=Headers.of({"accept": "a"}), body=Body(b"0123456789"))
ANSWER = Response(body=Body(b"abc"))
IN_HEADERS, IN_BODY, IN_LOG = (
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_log",
)
_value = "proxy_get_header_map_value"


@dataclass(frozen=True)
class Meeting:
    """A filter that meets a difference: what one hostcall answers, or which callbacks are made."""

    envoy: str
    spec: str
    calls: dict[str, list[Call]] = field(default_factory=dict)
    answers: dict[str, int | tuple[int, int]] = field(default_factory=dict)
    request: Request = POST
    shown: str = ""  # the beginning of the line that is compared; "" for the names of callbacks


def one(
    callback: str, envoy: str, spec: str, name: str, arguments: list, long: int | None = None
) -> Meeting:
    call = Call(name, arguments, "it", frozenset() if long is None else frozenset({long}))
    shown = callback.removeprefix("proxy_on_") + " it="
    return Meeting(envoy, spec, {callback: [call]}, shown=shown)


CONFIGURE = "proxy_on_configure"
TRAILERS = Request("POST", body=Body(b"x"), trailers=Headers.of({"x-t": "1"}))
MEETINGS = {
    Difference.UNAVAILABLE_FIELDS: one(
        IN_HEADERS, "0 ", "2 ~", "proxy_get_header_map_pairs", [2, Out.TEXT]
    ),
    Difference.FIELDS_SIZE: one(
        IN_HEADERS, "0 49 ", "0 103 ", "proxy_get_header_map_size", [0, Out.NUMBER]
    ),
    Difference.LOGGED_TRAILERS: Meeting(
        "1 ~",
        "0 1",
        {IN_LOG: [Call(_value, [1, b"x-t", Out.TEXT], "it")]},
        request=TRAILERS,
        shown="log it=",
    ),
    Difference.HOST_IS_AUTHORITY: one(IN_HEADERS, "0 here", "1 ~", _value, [0, b"host", Out.TEXT]),
    Difference.FIELDS_ARE_JOINED: Meeting(
        "0 a,b",
        "0 a",
        {
            IN_HEADERS: [
                Call("proxy_add_header_map_value", [0, b"accept", b"b"]),
                Call(_value, [0, b"accept", Out.TEXT], "it"),
            ]
        },
        shown="request_headers it=",
    ),
    Difference.UNAVAILABLE_BUFFER: one(
        IN_HEADERS, "0 ", "1 ~", "proxy_get_buffer_bytes", [0, 0, 9, Out.TEXT]
    ),
    Difference.BUFFER_OVERFLOW: one(
        IN_BODY, "0 ", "2 ~", "proxy_get_buffer_bytes", [0, 99, 9, Out.TEXT]
    ),
    Difference.BUFFER_MIDDLE: one(IN_BODY, "2 ", "0 ", "proxy_set_buffer_bytes", [0, 3, 1, b"m"]),
    Difference.LAST_BUFFER: one(
        IN_BODY, "0 ", "1 ~", "proxy_get_buffer_bytes", [8, 0, 9, Out.TEXT]
    ),
    Difference.VM_CONFIGURATION: one(
        IN_HEADERS, "0 ", "1 ~", "proxy_get_buffer_bytes", [6, 0, 9, Out.TEXT]
    ),
    Difference.HEADERS_PAUSE: Meeting(
        "context_create request_headers",
        "context_create request_headers request_body request_body",
        answers={IN_HEADERS: 1, IN_BODY: 1},
    ),
    Difference.MORE_ACTIONS: Meeting(  # watermark: the piece that was held is not shown again
        "10 0", "10 10", answers={IN_BODY: (2, 0)}, shown="proxy_on_request_body ("
    ),
    Difference.LOG_ORDER: Meeting("log done delete", "done log delete"),
    Difference.DONE_IS_IGNORED: Meeting(
        "log done delete", "done log", answers={"proxy_on_done": 0}
    ),
    Difference.COUNTER_RECORD: Meeting(
        "0 7 ",
        "0 4 ",
        {
            CONFIGURE: [Call("proxy_define_metric", [0, b"c", Out.NUMBER])],
            IN_HEADERS: [
                Call("proxy_record_metric", [4, 3], long=frozenset({1})),
                Call("proxy_record_metric", [4, 4], long=frozenset({1})),
                Call("proxy_get_metric", [4, Out.LONG], "it"),
            ],
        },
        shown="request_headers it=",
    ),
    Difference.NEW_KEY_CAS: one(IN_HEADERS, "0 ", "8 ", "proxy_set_shared_data", [b"k", b"v", 7]),
}


def run(meeting: Meeting, mode: Mode) -> Outcome:
    probe = Probe(meeting.calls, meeting.answers)
    filter_ = Filter(Module.of(probe.code()), worker=Worker(mode))
    return filter_.handle(meeting.request, lambda request: ANSWER, patience=1)


def seen(meeting: Meeting, outcome: Outcome) -> str:
    lines = [log.message for log in outcome.logs]
    if not meeting.shown:
        called = [line[len("proxy_on_") :].split(" ")[0] for line in lines if line[-1:] in "( "]
        return " ".join(name for name in called)
    found = [line.removeprefix(meeting.shown) for line in lines if line.startswith(meeting.shown)]
    return " ".join(found) if meeting.shown.endswith("=") else " ".join(f[:2] for f in found)


@pytest.mark.parametrize("difference", Difference, ids=lambda difference: difference.row)
@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)
def test_each_difference_is_answered_as_the_mode_has_it(difference: Difference, mode: Mode) -> None:
    meeting = MEETINGS[difference]
    wanted = meeting.envoy if mode is Mode.ENVOY else meeting.spec
    assert wanted.strip() in " ".join(seen(meeting, run(meeting, mode)).split())


@pytest.mark.parametrize("difference", Difference, ids=lambda difference: difference.row)
def test_a_filter_that_meets_a_difference_is_told_so(difference: Difference) -> None:
    """Every filter meets the order of log and done; that is no news."""
    leans = run(MEETINGS[difference], Mode.ENVOY).leans
    met = {lean.difference for lean in leans}
    assert (difference in met) is (difference is not Difference.LOG_ORDER)


def test_a_filter_that_meets_none_leans_on_nothing() -> None:
    probe = Probe({IN_HEADERS: [Call("proxy_add_header_map_value", [0, b"x-new", b"1"])]})
    assert Filter(Module.of(probe.code())).handle(POST).leans == ()


def test_every_difference_has_a_row_in_the_docs() -> None:
    text = (ROOT / "docs" / "FIDELITY.md").read_text()
    rows = [line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row in {d.row for d in Difference}] == [
        d.row for d in Difference
    ]
