"""``.http`` files: requests as people write them by hand, and as editors' HTTP clients send them.

One or more requests, separated by lines that begin with ``###``::

    # a comment
    @host = shop.example
    POST https://{{host}}/cart?item=1
    content-type: application/json

    {"count": 2}

The request line is ``[METHOD] TARGET [HTTP/…]``; a target may be a path or a URL. Lines that begin
with ``#`` or ``//`` above the body are comments, ``@name = value`` fills ``{{name}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mesh_traffic import Body, Headers, Request

_SEPARATOR = re.compile(r"^###", re.MULTILINE)
_VARIABLE = re.compile(r"@([\w.-]+)\s*=\s*(.*)")
_USED = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_LINE = re.compile(r"(?:([A-Z][A-Z-]*)\s+)?(\S+)(?:\s+HTTP/\d(?:\.\d)?)?")


class HttpFileError(Exception):
    """The message has file and line, what is there and what was expected."""


@dataclass(slots=True)
class _Lines:
    """The lines of one request, numbered, not yet read."""

    name: str
    rest: list[tuple[int, str]]

    def error(self, number: int, message: str) -> HttpFileError:
        return HttpFileError(f"{self.name}:{number}: {message}")


def read_requests(text: str, name: str) -> list[tuple[int, Request]]:
    """The requests of ``text``, each with the number of its first line. Raises HttpFileError."""
    variables: dict[str, str] = {}
    found = []
    for lines in _parts(text.replace("\r\n", "\n"), name):
        _skip_comments(lines, variables)
        if lines.rest:
            found.append(_request(lines, variables))
    if not found:
        raise HttpFileError(f"{name}: no request in it, expected a line such as 'GET /path'")
    return found


def _parts(text: str, name: str) -> Iterator[_Lines]:
    """What stands between the separators, without the rest of their lines, which is a title."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if _SEPARATOR.match(line):
            yield _Lines(name, lines)
            lines = []
        else:
            lines.append((number, line))
    yield _Lines(name, lines)


def _skip_comments(lines: _Lines, variables: dict[str, str]) -> None:
    while lines.rest:
        number, line = lines.rest[0]
        if match := _VARIABLE.fullmatch(line.strip()):
            variables[match[1]] = _filled(match[2], variables, lines, number)
        elif line.strip() and not _is_comment(line):
            return
        del lines.rest[0]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "//"))


def _filled(text: str, variables: Mapping[str, str], lines: _Lines, number: int) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            known = ", ".join(sorted(variables)) or "none"
            raise lines.error(number, f"unknown variable {match[1]!r}, the file defines {known}")
        return variables[match[1]]

    return _USED.sub(value, text)


def _request(lines: _Lines, variables: Mapping[str, str]) -> tuple[int, Request]:
    start, line = lines.rest.pop(0)
    match = _LINE.fullmatch(_filled(line.strip(), variables, lines, start))
    if match is None:
        raise lines.error(start, f"expected METHOD TARGET, got {line.strip()!r}")
    target = match[2] + _query(lines, variables)
    url = urlsplit(target)
    if not target.startswith("/") and not url.netloc:
        raise lines.error(start, f"expected a path or an absolute URL, got {target!r}")
    headers = Headers.of(_fields(lines, variables))
    path = target if target.startswith("/") else target.partition(url.netloc)[2] or "/"
    request = Request(
        match[1] or "GET",
        path.partition("#")[0],
        headers.get("host") or url.netloc or "localhost",
        headers=headers.removed("host"),
        body=Body(_body(lines, variables)),
    )
    return start, request


def _query(lines: _Lines, variables: Mapping[str, str]) -> str:
    """A query may go on over lines that begin with ``?`` or ``&``."""
    query = ""
    while lines.rest and lines.rest[0][1].lstrip().startswith(("?", "&")):
        number, line = lines.rest.pop(0)
        query += _filled(line.strip(), variables, lines, number)
    return query


def _fields(lines: _Lines, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    while lines.rest:
        number, line = lines.rest.pop(0)
        if not line.strip():
            return
        if _is_comment(line):
            continue
        name, colon, value = _filled(line, variables, lines, number).partition(":")
        if not colon or not name.strip():
            raise lines.error(number, f"expected name: value, got {line!r}")
        yield name.strip(), value.strip()


def _body(lines: _Lines, variables: Mapping[str, str]) -> bytes:
    """What is left, without the empty lines at its end."""
    text = "\n".join(_filled(line, variables, lines, number) for number, line in lines.rest)
    return text.rstrip("\n").encode(errors="surrogateescape")
