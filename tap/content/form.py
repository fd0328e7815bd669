"""Forms: ``application/x-www-form-urlencoded`` (WHATWG URL, section 5) and multipart (RFC 2046).

The parts of a multipart are contents themselves, with headers, and are decoded as such.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_plus

from mesh_traffic import Headers
from tap.content.nouns import Content, Decode, MediaType, Undecodable, View
from tap.content.text import decoded_text

MAX_FIELDS = 1_000  # of a form
MAX_PARTS = 100  # of a multipart
MAX_PART_HEADERS = 8 * 1024  # bytes
_NAME = re.compile(r'\bname="((?:[^"\\]|\\.)*+)"')
_FILE = re.compile(r'\bfilename="((?:[^"\\]|\\.)*+)"')


def form(content: Content, decode: Decode) -> View:
    """Names and values, in their order."""
    text, notes = decoded_text(content)
    fields = text.strip().split("&", MAX_FIELDS)
    if len(fields) > MAX_FIELDS:
        notes = (*notes, f"only the first {MAX_FIELDS:,} fields are shown")
    pairs = [_pair(one) for one in fields[:MAX_FIELDS] if one]
    lines = (f"{name} = {value}".replace("\n", "\\n") for name, value in pairs)
    return View("form", "\n".join(lines), _by_name(pairs), notes)


def _pair(field: str) -> tuple[str, str]:
    name, _, value = field.partition("=")
    return unquote_plus(name), unquote_plus(value)


def _by_name(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """A name that comes several times has a list of values."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: them[0] if len(them) == 1 else them for name, them in values.items()}


def multipart(content: Content, decode: Decode) -> View:
    """Each part under a line that says which it is. Raises Undecodable."""
    boundary = content.type.parameters.get("boundary", "")
    if not boundary:
        raise Undecodable("a multipart without a boundary")
    found, notes = _parts(content, boundary.encode("utf-8", "surrogateescape"))
    lines: list[str] = []
    values = []
    for data, ended in found:
        value, text = _part(content, data, ended, decode)
        values.append(value)
        lines += text
    return View("multipart", "\n".join(lines), values, notes)


def _parts(content: Content, boundary: bytes) -> tuple[list[tuple[bytes, bool]], tuple[str, ...]]:
    """The parts, each with whether its end was seen."""
    pieces = (b"\r\n" + content.data).split(b"\r\n--" + boundary, MAX_PARTS + 1)
    if len(pieces) == 1:
        raise Undecodable("a multipart in which its boundary does not come")
    found: list[tuple[bytes, bool]] = []
    for at, piece in enumerate(pieces[1 : MAX_PARTS + 1], 2):
        if piece.startswith(b"--"):
            return found, ()
        found.append((piece.removeprefix(b"\r\n"), at < len(pieces)))
    if len(pieces) > MAX_PARTS + 1:
        return found, (f"only the first {MAX_PARTS} parts are shown",)
    return found, ("the last part is cut off",)


def _part(
    content: Content, part: bytes, ended: bool, decode: Decode
) -> tuple[dict[str, Any], list[str]]:
    if part.startswith(b"\r\n"):  # a part needs no headers
        part = b"\r\n" + part
    head, _, data = part.partition(b"\r\n\r\n")
    headers = _headers(head[:MAX_PART_HEADERS])
    disposition = headers.get("content-disposition") or ""
    kind = MediaType.of(headers.get("content-type") or "text/plain")
    view = decode(content.inner(data, kind, cut=not ended))
    known = {"name": _NAME.search(disposition), "filename": _FILE.search(disposition)}
    told: dict[str, Any] = {name: match[1] for name, match in known.items() if match}
    title = "  ".join((*told.values(), view.kind, f"{len(data):,} bytes"))
    value = view.text if view.value is None else view.value
    value = {**told, "kind": view.kind, "size": len(data), "value": value}
    notes = [f"  ({note})" for note in view.notes]
    return value, [f"-- {title}", *(f"  {line}" for line in view.text.split("\n")), *notes]


def _headers(head: bytes) -> Headers:
    lines = (line.partition(b":") for line in head.split(b"\r\n"))
    return Headers.of_bytes([(name.strip(), value.strip()) for name, _, value in lines])
