"""Door to the file of a recording: JSON, one object a line, the first and the last are told.

A file may come from anywhere: it is bounded, and whatever is wrong with it is one message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from wasm_filters.errors import WasmError
from wasm_filters.recording.lines import (
    FORMAT,
    Answered,
    End,
    EventData,
    Header,
    Line,
    OutcomeData,
)
from wasm_filters.recording.recording import Recording, Step

MAX_FILE = 256 << 20  # bytes
MAX_LINES = 1_000_000
MAX_TOLD = 300  # characters of what is said of one line
# from one version of the format to the next: takes and gives one line
UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}

_LINE: TypeAdapter[Line] = TypeAdapter(Line)


class RecordingError(WasmError):
    """The file is no recording that can be read."""


def write(recording: Recording, path: Path | str) -> None:
    """Write it; RecordingError if it is too large or can't be written."""
    size = 0
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            for line in recording.lines():
                text = json.dumps(line.model_dump(mode="json"), separators=(",", ":"))
                size += len(text) + 1
                if size > MAX_FILE:
                    raise RecordingError(f"{path}: more than {MAX_FILE} bytes, expected less")
                file.write(f"{text}\n")
    except OSError as error:
        raise RecordingError(f"{path}: can't be written: {error.strerror or error}") from error


def read(path: Path | str) -> Recording:
    """The recording in a file; RecordingError tells the line that is wrong."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise RecordingError(f"{path}: can't be read: {error.strerror or error}") from error
    if len(content) > MAX_FILE:
        raise RecordingError(f"{path}: more than {MAX_FILE} bytes, expected at most that")
    return parse(content, str(path))


def parse(content: bytes, name: str) -> Recording:
    """The recording that ``content`` is; ``name`` stands in front of each error."""
    lines = content.splitlines()
    if len(lines) > MAX_LINES:
        raise RecordingError(f"{name}: {len(lines)} lines, expected at most {MAX_LINES}")
    if not lines:
        raise RecordingError(f"{name}: an empty file, expected a recording")
    version = _version(_object(lines[0], name, 1), name)
    return put_together(_read_lines(lines, version, name), name)


def _version(first: dict[str, Any], name: str) -> int:
    version = first.get("version")
    if first.get("kind") != "recording" or not isinstance(version, int):
        raise RecordingError(f"{name}:1: not a recording of a filter")
    if version != FORMAT and version not in UPGRADES:
        raise RecordingError(f"{name}:1: format {version}, expected at most {FORMAT}")
    return version


def _read_lines(lines: list[bytes], version: int, name: str) -> Iterator[tuple[int, Line]]:
    for number, raw in enumerate(lines, 1):
        found = _object(raw, name, number)
        for step in range(version, FORMAT):
            found = UPGRADES[step](found)
        try:
            yield number, _LINE.validate_python(found)
        except ValidationError as error:
            raise RecordingError(f"{name}:{number}: {_told(error)}") from None


def _object(raw: bytes, name: str, number: int) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{name}:{number}: not JSON: {error}"[:MAX_TOLD]) from None
    if not isinstance(found, dict):
        raise RecordingError(f"{name}:{number}: expected an object")
    return found


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    message = first["msg"][:1].lower() + first["msg"][1:]
    return f"{place}: {message}"[:MAX_TOLD] if place else message[:MAX_TOLD]


def put_together(lines: Iterable[tuple[int, Line]], name: str) -> Recording:
    recording: Recording | None = None
    number, ended = 0, False
    for number, line in lines:
        if isinstance(line, Header) is not (number == 1) or ended:
            raise RecordingError(f"{name}:{number}: {line.kind!r} can't stand here")
        if isinstance(line, Header):
            recording = Recording(line)
        elif isinstance(line, End):
            ended = True
            _of(recording).lost = line.lost
        else:
            _add(_of(recording), line, f"{name}:{number}")
    if not ended:
        raise RecordingError(f"{name}:{number}: ends here, expected a line of kind 'end'")
    return _of(recording)


def _of(recording: Recording | None) -> Recording:
    assert recording is not None  # the first line is its header
    return recording


def _add(recording: Recording, line: Line, place: str) -> None:
    assert not isinstance(line, (Header, End))
    if not isinstance(line, (Answered, EventData, OutcomeData)):
        if (line.kind == "start") is not (not recording.steps):
            raise RecordingError(f"{place}: {line.kind!r} can't stand here")
        recording.steps.append(Step(line))
        return
    if not recording.steps:
        raise RecordingError(f"{place}: {line.kind!r} before anything was done")
    step = recording.steps[-1]
    if isinstance(line, Answered):
        step.answered.append(line)
    elif isinstance(line, EventData):
        step.events.append(line)
    else:
        step.outcome = line
