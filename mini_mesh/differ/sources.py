"""A door: files with requests in them, read into cases.

Which reader takes a file is decided by how its name ends (``READERS``). A capture's response, where
it has one, is what the upstream will answer.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mesh_traffic import Exchange
from mini_mesh.differ.case import Case, make_case
from mini_mesh.differ.http_file import HttpFileError, read_requests

MAX_CASES = 100_000  # of one run


class SourceError(Exception):
    """There are no requests to be had: the message has the place and the reason."""


def read_cases(path: Path) -> list[Case]:
    """The requests of ``path``: a file, or a folder with such files in order of their names.

    SourceError: nothing there, or it can't be read.
    """
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix in READERS)
        if not files:
            raise SourceError(f"{path}: no requests in it, expected {_KINDS}")
    elif path.exists():
        files = [path]
    else:
        raise SourceError(f"{path}: {os.strerror(errno.ENOENT)}")
    cases = [case for file in files for case in _read(file)]
    if not cases:
        raise SourceError(f"{path}: no requests in it")
    return cases[:MAX_CASES]


def _read(file: Path) -> list[Case]:
    reader = READERS.get(file.suffix)
    if reader is None:
        raise SourceError(f"{file}: ends with {file.suffix!r}, expected {_KINDS}")
    return reader(file)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror}") from error


def _http(file: Path) -> list[Case]:
    try:
        found = read_requests(_text(file), str(file))
    except HttpFileError as error:
        raise SourceError(str(error)) from error
    return [make_case(f"{file.name}:{line}", request) for line, request in found]


def _har(file: Path) -> list[Case]:
    from tap.har import HarError, read_har

    try:
        return _cases(file, read_har(file))
    except HarError as error:
        raise SourceError(str(error)) from error


def _flows(file: Path) -> list[Case]:
    from tap.flows import FlowsError, read_flows

    try:
        return _cases(file, read_flows(file))
    except FlowsError as error:
        raise SourceError(str(error)) from error


def _tapped(file: Path) -> list[Case]:
    """What ``meshloom tap --json`` printed: an exchange a line."""
    from tap.live.wire import exchange_from_json

    found = []
    for number, line in enumerate(_text(file).splitlines(), 1):
        try:
            found.append(exchange_from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"{file}:{number}: expected a line of 'meshloom tap --json', got {line[:60]!r}"
            ) from error
    return _cases(file, found)


def _cases(file: Path, exchanges: Iterable[Exchange]) -> list[Case]:
    """All but CONNECT, which opens a tunnel and is no request to be filtered."""
    return [
        make_case(f"{file.name}: entry {number}", exchange.request, exchange.response)
        for number, exchange in enumerate(exchanges, 1)
        if exchange.request.method != "CONNECT"
    ]


READERS: Mapping[str, Callable[[Path], list[Case]]] = {
    ".http": _http,
    ".rest": _http,
    ".har": _har,
    ".json": _har,
    ".flow": _flows,
    ".flows": _flows,
    ".mitm": _flows,
    ".jsonl": _tapped,
}
_KINDS = "one of " + ", ".join(sorted(READERS))
