"""Test files of filters: they run, pass, and fail with another filter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from debugger.replay.as_test.suite import suite
from debugger.replay.request.edit import Edit
from debugger.replay.through import arriving, through
from mesh_traffic import Body, Exchange, Headers, Response, replace
from tests.debugger.replay.captures import GET, having
from wasm_filters.filter import Filter
from wasm_filters.testing.cases import cases
from wasm_filters.testing.load import load_all
from wasm_filters.testing.runner import Runner

CONFIG = {
    "request": {"remove": ["x-plan"], "set": {"x-mesh": "ü"}},
    "response": {"set": {"x-filter": "yes"}, "remove": ["server"]},
    "deny": [{"path": "/admin", "body": "no\n"}],
}
ODD = having(
    ("x", "1"), ("x", "2"), ("y", 'a "b" \\ ${c} # \x85'), body=b"\0\xff" * 9
)  # what YAML could get wrong
POSTED = having(("content-type", "text/plain"), body="größe 😀 \x7f".encode())


def written(exchange: Exchange, edit: Edit) -> str:
    assert exchange.response is not None
    filter_ = Filter.load("meshloom:header_policy", json.dumps(CONFIG).encode())
    request = arriving(exchange, edit)
    outcome = through(filter_, request, exchange.response)
    head = {"filter": "meshloom:header_policy", "configuration": json.dumps(CONFIG)}
    return suite([(exchange, request, exchange.response, outcome)], head)


def failing(folder: Path, text: str) -> list[str]:
    file = folder / "tests.yaml"
    file.write_text(text)
    (loaded,) = load_all([file])
    results = [Runner().run(case) for case in cases(loaded)]
    assert results
    return [str(each) for result in results for each in result.findings]


@pytest.mark.parametrize("edit", [Edit(), Edit(path="/admin"), Edit({"x-a": "1"}, body=b"new")])
@pytest.mark.parametrize("exchange", [GET, ODD, POSTED])
def test_what_is_written_runs_and_passes(tmp_path: Path, exchange: Exchange, edit: Edit) -> None:
    assert failing(tmp_path, written(exchange, edit)) == []


def test_it_fails_when_the_filter_does_something_else(tmp_path: Path) -> None:
    text = written(GET, Edit()).replace("x-filter", "x-other", 1)  # of the configuration
    assert failing(tmp_path, text)
    denied = written(GET, Edit(path="/admin")).replace("/admin", "/other", 1)
    assert failing(tmp_path, denied)


def test_what_no_test_file_can_hold_is_said() -> None:
    with pytest.raises(ValueError, match="header x-raw holds bytes that are no UTF-8"):
        written(having(("x-raw", "\udc80")), Edit())
    with pytest.raises(ValueError, match="a status of 0 can't be an upstream's in a test"):
        written(replace(GET, response=Response(0, Headers(), Body())), Edit())
