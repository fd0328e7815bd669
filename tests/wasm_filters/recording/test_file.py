"""Files that are no recordings, or hostile ones: one message, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.wasm_filters.recording.worlds import asks, recorded
from wasm_filters.module import Module
from wasm_filters.recording.file import MAX_TOLD, RecordingError, parse, read, write
from wasm_filters.recording.replay import replay

CODE = asks()
LINES = [json.dumps(line.model_dump(mode="json")) for line in recorded(CODE).recording.lines()]


def refused(lines: list[str]) -> str:
    with pytest.raises(RecordingError) as caught:
        parse("\n".join(lines).encode(), "r")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(number: int, **change: Any) -> list[str]:
    """The lines with one of them changed."""
    line = {**json.loads(LINES[number - 1]), **change}
    return [*LINES[: number - 1], json.dumps(line), *LINES[number:]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "r: an empty file, expected a recording"),
        (["{"], "r:1: not JSON: Expecting property name"),
        (["[]"], "r:1: expected an object"),
        (["{}"], "r:1: not a recording of a filter"),
        (['{"kind": "recording", "version": 2}'], "r:1: format 2, expected at most 1"),
        (LINES[:-1], f"r:{len(LINES) - 1}: ends here, expected a line of kind 'end'"),
        ([*LINES, LINES[-1]], f"r:{len(LINES) + 1}: 'end' can't stand here"),
        ([LINES[0], LINES[0]], "r:2: 'recording' can't stand here"),
        ([LINES[0], *LINES[2:]], "r:2: 'event' before anything was done"),
        ([LINES[0], LINES[1], LINES[1]], "r:3: 'start' can't stand here"),
        (changed(2, kind="begin"), "r:2: input tag 'begin' found using 'kind'"),
        (changed(2, more=1), "r:2: more: extra inputs are not permitted"),
        (changed(1, clock=-1), "r:1: clock: input should be greater than or equal to 0"),
        (changed(1, plugins=[]), "r:1: plugins: list should have at least 1 item"),
        (changed(3, depth=10**9), "r:3: depth: input should be less than or equal to 100"),
        (changed(3, arguments={"a": [1]}), "r:3: arguments.a: value error, expected pairs"),
        (changed(3, arguments={"a": {"base64": "?"}}), "r:3: arguments.a:"),
    ],
)
def test_what_is_no_recording_is_told_with_its_line(lines: list[str], message: str) -> None:
    assert refused(lines).startswith(message)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="can't be read: No such file or directory"):
        read(tmp_path / "none")
    with pytest.raises(RecordingError, match="can't be written: No such file or directory"):
        write(recorded(CODE).recording, tmp_path / "none" / "r")


def test_json_that_nests_too_deep_is_told() -> None:
    assert refused(["[" * 100_000]).startswith("r:1: not JSON")


@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b'{"kind":"recording","version":true}')
@example(b'{"kind":"recording","version":1e400}')
def test_any_bytes_are_a_recording_or_one_message(content: bytes) -> None:
    with pytest.raises(RecordingError) as caught:
        parse(content, "r")
    assert len(str(caught.value)) <= MAX_TOLD + 20


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(LINES) - 1), st.data())
def test_one_value_that_is_another_is_refused_or_replayed(number: int, data: st.DataObject) -> None:
    """Whatever stands in a line in place of what was there, the host lives on."""
    line = json.loads(LINES[number])
    key = data.draw(st.sampled_from(sorted(line)))
    line[key] = data.draw(json_values)
    lines = [*LINES[:number], json.dumps(line), *LINES[number + 1 :]]
    try:
        recording = parse("\n".join(lines).encode(), "r")
    except RecordingError as error:
        assert str(error).startswith("r:")  # noqa: PT017 # it may also be read
        return
    replay(recording, [Module.of(CODE)] * len(recording.header.plugins))
