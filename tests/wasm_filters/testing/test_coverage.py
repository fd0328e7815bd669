"""What tests reached of a module: counted, answered, missed, and what can't come."""

from __future__ import annotations

from pathlib import Path

from tests.wasm_filters.probe import CALLED_BACK, Call, Out, Probe
from tests.wasm_filters.testing.suites import suite
from wasm_filters.testing.cases import cases
from wasm_filters.testing.coverage import Coverage, text
from wasm_filters.testing.runner import Runner

PROBE = Probe(
    {
        "proxy_on_request_headers": [
            Call("proxy_get_header_map_value", [0, b"x-a", Out.TEXT]),
            Call("proxy_get_header_map_value", [0, b":path", Out.TEXT]),
        ],
        "proxy_on_request_trailers": [Call("proxy_get_header_map_pairs", [1, Out.TEXT])],
    },
    callbacks=CALLED_BACK,
)
TESTS = """\
    filter: filter.wasm
    tests:
      - {name: a, request: /, expect: {status: 200}}
      - {name: b, request: /, expect: {status: 200}}
    """


def covered(folder: Path, probe: Probe = PROBE) -> Coverage:
    runner = Runner(counted=True)
    for case in cases(suite(folder, TESTS, probe)):
        assert runner.run(case).passed
    (found,) = runner.coverage()
    return found


def test_calls_are_counted_over_all_tests(tmp_path: Path) -> None:
    found = covered(tmp_path)
    assert found.callbacks["proxy_on_request_headers"] == 2
    assert found.hostcalls["proxy_get_header_map_value"] == 4
    assert found.statuses["proxy_get_header_map_value"] == {"ok": 2, "not_found": 2}


def test_what_was_missed_is_named(tmp_path: Path) -> None:
    found = covered(tmp_path)
    missed = {name for name, count in {**found.callbacks, **found.hostcalls}.items() if not count}
    assert missed == {
        "proxy_on_request_body", "proxy_on_request_trailers", "proxy_on_response_body",
        "proxy_on_response_trailers", "proxy_get_header_map_pairs",
    }  # fmt: skip
    assert (found.reached, found.total) == (10, 15)
    assert found.as_json()["percent"] == 66.7


def test_what_the_module_can_not_set_off_does_not_count(tmp_path: Path) -> None:
    assert covered(tmp_path).out_of_reach == (
        "proxy_on_tick",
        "proxy_on_queue_ready",
        "proxy_on_http_call_response",
        "proxy_on_grpc_receive_initial_metadata",
        "proxy_on_grpc_receive_trailing_metadata",
        "proxy_on_grpc_receive",
        "proxy_on_grpc_close",
    )
    ticks = Probe(
        {"proxy_on_configure": [Call("proxy_set_tick_period_milliseconds", [0])]},
        callbacks=CALLED_BACK,
    )
    assert covered(tmp_path, ticks).callbacks["proxy_on_tick"] == 0


def test_the_text_shows_counts_answers_and_what_was_never_called(tmp_path: Path) -> None:
    lines = text(covered(tmp_path)).splitlines()
    assert lines[0].endswith("filter.wasm   10 of 15 reached   67 %")
    assert "         2 proxy_on_request_headers" in lines
    assert "         4 proxy_get_header_map_value   2 ok, 2 not found" in lines
    assert "     never proxy_on_request_trailers" in lines
    assert lines[-1] == "  not counted   7 callbacks that can't come here"
