"""Connections through network filters, event by event."""

from __future__ import annotations

from pathlib import Path

import pytest

import wasm_filters
from tests.wasm_filters.testing.suites import findings, suite
from wasm_filters.testing.cases import cases
from wasm_filters.testing.runner import Runner

COUNTER = Path(wasm_filters.__file__).parent / "filters" / "tcp_counter" / "tcp_counter.wasm"


def found(folder: Path, test: str) -> list[str]:
    text = f"filter: filter.wasm\ntests: [{{name: it, {test}}}]\n"
    return findings(folder, text, COUNTER.read_bytes())


@pytest.mark.parametrize(
    "test",
    [
        "connection: [client: a, upstream: b], expect: {to_upstream: a, to_client: b}",
        "connection: [client: {base64: AAE=}], expect: {to_upstream: {base64: AAE=}}",
        "connection: [end: client, end: upstream], expect: {closed: local}",
        "connection: [end: upstream, end: client], expect: {closed: remote}",
        "connection: [reset: client], expect: {closed: remote}",
        "connection: [reset: upstream], expect: {closed: local}",
        "connection: [refuse: true], expect: {closed: local}",
        "connection: [advance: 1s, client: a], expect: {callbacks: {proxy_on_downstream_data: 1}}",
    ],
)
def test_both_sides_speak_end_and_go(tmp_path: Path, test: str) -> None:
    assert found(tmp_path, test) == []


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("to_upstream: b", "to_upstream: expected 'b', saw 'a'"),
        ("to_client: b", "to_client: expected 'b', saw ''"),
        ("closed: local", "closed: expected local, saw none"),
    ],
)
def test_what_is_not_as_expected_is_told(tmp_path: Path, expect: str, told: str) -> None:
    (line,) = found(tmp_path, f"connection: [client: a], expect: {{{expect}}}")
    assert line.endswith(told)


def test_the_trace_of_a_failure_is_that_of_the_connection(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        tests: [{name: it, connection: [client: a], expect: {closed: local}}]
        """
    (case,) = cases(suite(tmp_path, text, COUNTER.read_bytes()))
    trace = Runner().run(case).trace.splitlines()
    assert trace[0] == "==> proxy_on_context_create(context=2, parent=1)"
    assert any(line.startswith("==> proxy_on_downstream_data(") for line in trace)


def test_callbacks_of_requests_do_not_count_for_a_network_filter(tmp_path: Path) -> None:
    text = """\
        filter: filter.wasm
        tests: [{name: it, connection: [client: a], expect: {closed: none}}]
        """
    runner = Runner(counted=True)
    for case in cases(suite(tmp_path, text, COUNTER.read_bytes())):
        assert runner.run(case).passed
    (covered,) = runner.coverage()
    assert covered.callbacks["proxy_on_downstream_data"] == 1
    assert "proxy_on_request_headers" not in covered.callbacks
