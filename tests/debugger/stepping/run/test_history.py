"""A run that is watched: it goes as its recording does, and each stop tells what it changed."""

from __future__ import annotations

import pytest

from debugger.stepping.run import watcher
from debugger.stepping.run.history import SteppingError, limits_of, watch
from debugger.stepping.run.stop import Kind
from tests.debugger.stepping.runs import ASKED, busy, history, hostcalls, names, recorded
from tests.wasm_filters.guests import guest, on_request_headers
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.engine.border import Limits
from wasm_filters.module import Module
from wasm_filters.recording.again import Again

READ = Call("proxy_get_header_map_value", [0, b"x-a", Out.TEXT])


def test_every_call_of_the_recording_has_its_stops_in_order() -> None:
    recording, modules = recorded(busy(), times=3)
    found = watch(recording, modules)
    assert found.departure is None
    assert [stop.number for stop in found.stops] == list(range(1, len(found) + 1))
    events = [event for step in recording.steps for event in step.events]
    begun = [event.call for event in events if event.is_callback]
    assert names([stop for stop in found.stops if stop.kind is Kind.CALLBACK]) == begun
    assert names(hostcalls(found)) == [event.call for event in events if not event.is_callback]


def test_a_hostcall_tells_what_it_changed_and_nothing_else() -> None:
    changed = {
        stop.event.name + str(at): [str(change) for change in stop.changes]
        for at, stop in enumerate(hostcalls(history(busy())))
    }
    assert changed == {
        "proxy_define_metric0": ["+ counter: hits 0"],
        "proxy_define_metric1": ["+ gauge: level 0"],
        "proxy_define_metric2": [],
        "proxy_add_header_map_value3": ["+ request_headers: x-b '2'"],
        "proxy_replace_header_map_value4": ["~ request_headers: x-a '1' → 'one'"],
        "proxy_remove_header_map_value5": ["- request_headers: x-b '2'"],
        "proxy_set_property6": ["+ property: mine 'kept'"],
        "proxy_get_property7": ["+ property: request.path '/x'"],
        "proxy_set_shared_data8": ["+ shared_data: key 'value'"],
        "proxy_increment_metric9": ["~ counter: hits 0 → 3"],
        "proxy_record_metric10": ["~ gauge: level 0 → 7"],
        "proxy_record_metric11": ["+ histogram: sizes 9"],
        "proxy_log12": [],
        "proxy_set_buffer_bytes13": ["~ request_body: 5 bytes 'hello' → 8 bytes 'ha-hello'"],
        "proxy_set_buffer_bytes14": ["~ request_body: 0 bytes '' → 3 bytes 'ha-'"],
        "proxy_add_header_map_value15": ["+ response_headers: x-seen 'yes'"],
    }


def test_a_line_of_the_log_is_told_where_it_was_written() -> None:
    logged = {stop.event.name: [log.message for log in stop.logs]
              for stop in history(busy(), times=2).stops if stop.logs}  # fmt: skip
    assert logged == {"proxy_log": ["said"]}


def test_a_trap_is_a_stop_and_so_is_the_hostcall_that_did_not_return() -> None:
    """The allocator traps, which the hostcall has called."""
    malloc = '(func $malloc (export "malloc") (param i32) (result i32) unreachable)'
    code = Script({"proxy_on_request_headers": [READ]}, malloc=malloc).code()
    hostcall, trap = history(code).stops[-2:]
    assert (hostcall.kind, hostcall.event.name) == (Kind.HOSTCALL, "proxy_get_header_map_value")
    assert hostcall.event.answer is None
    assert trap.kind is Kind.TRAP
    assert [frame.offset for frame in trap.frames][1:] == [f.offset for f in hostcall.frames]


def test_filters_of_a_chain_have_their_own_contexts_and_share_the_request() -> None:
    first = Script({"proxy_on_request_headers": [
        Call("proxy_add_header_map_value", [0, b"x-first", b"1"])]}).code()  # fmt: skip
    found = history(first, busy())
    assert len(set(found.vms.values())) == 2
    met = next(
        stop
        for stop in found.stops
        if stop.event.plugin == "m1" and stop.event.name == "proxy_on_request_headers"
    )
    assert "+ request_headers: x-first '1'" in [str(change) for change in met.changes]


def test_a_filter_that_does_not_start_can_be_looked_at_as_far_as_it_came() -> None:
    code = Script({"proxy_on_configure": [READ]}, answers={"proxy_on_configure": 0}).code()
    found = history(code)
    assert names(hostcalls(found)) == ["proxy_get_header_map_value"]
    assert {found.action(stop) for stop in found.stops} == {"start"}


def test_another_build_departs_where_it_does_something_else() -> None:
    recording, _ = recorded(busy())
    other = Module.of(Script({"proxy_on_request_headers": [READ]}).code())
    departure = watch(recording, [other]).departure
    assert departure is not None
    assert departure.callback == "proxy_on_configure"


def test_without_a_call_there_is_nothing_to_step_through() -> None:
    recording, modules = recorded(guest(), request=ASKED)
    with pytest.raises(SteppingError, match="called in nothing"):
        watch(recording, modules)


def test_what_is_too_much_to_be_kept_is_left_out_from_one_step_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watcher, "MAX_STATE", 1000)
    found = history(busy(), times=3)
    assert found.blind_from is not None
    assert any(stop.assigned for stop in found.stops[: found.blind_from])
    assert not any(stop.assigned for stop in found.stops[found.blind_from :])


def test_a_run_gets_more_time_unless_its_recording_ran_out_of_it() -> None:
    recording, _ = recorded(guest(on_request_headers("unreachable")))
    assert limits_of(recording).deadline > Limits().deadline
    events = recording.steps[-1].events
    events[-1] = events[-1].model_copy(update={"failure": "ran longer than 5 s"})
    assert limits_of(recording) == Limits()


@pytest.mark.parametrize("most", [1, 4, 7, 12])
def test_after_the_last_call_that_is_kept_there_are_no_stops(most: int) -> None:
    """They are the first ones of the whole run, so that memory is that of the same stop."""
    traps = '(func $malloc (export "malloc") (param i32) (result i32) unreachable)'
    for code in (busy(), Script({"proxy_on_request_headers": [READ]}, malloc=traps).code()):
        recording, modules = recorded(code)
        cut = watcher.Watcher()
        cut.max_events = most
        again = Again(recording, modules, cut)
        for step in recording.steps:
            again.step(step)
        whole = watch(recording, modules).stops[: len(cut.stops)]
        assert [(one.kind, one.event.name) for one in cut.stops] == [
            (one.kind, one.event.name) for one in whole
        ]
        assert cut.stops
