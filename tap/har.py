"""HAR 1.2, the archives that browsers and proxies write: entries as exchanges.

Read as they are: fields in their order, and an entry needs no response. An error names the entry
and the place in it. http://www.softwareishard.com/blog/har-12-spec/
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from mesh_traffic import Body, Exchange, Headers, Request, Response

T = TypeVar("T")
_MISSING = object()


class HarError(Exception):
    """A file is no HAR: the message has the place in it, what is there and what was expected."""


def read_har(path: Path) -> list[Exchange]:
    """The exchanges of the archive ``path``. Raises HarError."""
    try:
        archive = json.loads(path.read_bytes())
    except OSError as error:
        raise HarError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise HarError(f"{path}: not JSON: {error}") from error
    return exchanges_of(archive, str(path))


def exchanges_of(archive: object, place: str) -> list[Exchange]:
    """The exchanges of an archive that is read already; ``place`` begins each error."""
    entries = _Node(archive, f"{place}: ").of("log").of("entries").items()
    return [_exchange(entry, index) for index, entry in enumerate(entries)]


def _exchange(entry: _Node, index: int) -> Exchange:
    response = entry.of("response", None)
    answered = response.value is not None and response.of("status").number() > 0
    started = entry.of("startedDateTime", None)
    return Exchange(
        id=str(index),
        node="",
        request=_request(entry.of("request")),
        response=_response(response) if answered else None,
        started=0.0 if started.value is None else started.time(),
    )


def _request(request: _Node) -> Request:
    url = urlsplit(request.of("url").text())
    if not url.scheme or not url.netloc:
        raise request.of("url").error("an absolute URL")
    headers = _headers(request.of("headers"))
    authority = headers.get("host") or headers.get(":authority") or url.netloc
    return Request(
        request.of("method").text(),
        f"{url.path or '/'}?{url.query}" if url.query else url.path or "/",
        authority,
        url.scheme,
        Headers(tuple(f for f in headers.removed("host") if not f[0].startswith(":"))),
        Body(_posted(request.of("postData", None))),
    )


def _posted(data: _Node) -> bytes:
    """``text``, or what a form's ``params`` amount to."""
    if data.value is None:
        return b""
    text = data.of("text", None)
    if text.value is not None:
        encoded = data.of("encoding", "").text() == "base64"
        return text.decoded() if encoded else text.text().encode(errors="surrogateescape")
    pairs = (f"{p.of('name').text()}={p.of('value', '').text()}" for p in data.of("params").items())
    return "&".join(pairs).encode(errors="surrogateescape")


def _response(response: _Node) -> Response:
    """The body is that of ``content``, which HAR has without its ``content-encoding``."""
    content = response.of("content", None)
    body = b""
    if content.value is not None:
        text = content.of("text", "")
        encoded = content.of("encoding", "").text() == "base64"
        body = text.decoded() if encoded else text.text().encode(errors="surrogateescape")
    headers = _headers(response.of("headers")).removed("content-encoding")
    headers = Headers(tuple(f for f in headers if not f[0].startswith(":")))
    return Response(response.of("status").number(), headers, Body(body))


def _headers(headers: _Node) -> Headers:
    return Headers.of((h.of("name").text(), h.of("value").text()) for h in headers.items())


class _Node:
    """A value in the archive and where it is: ``file: log.entries[3].request``."""

    def __init__(self, value: object, place: str) -> None:
        self.value = value
        self.place = place

    def of(self, name: str, default: object = _MISSING) -> _Node:
        if not isinstance(self.value, Mapping):
            raise self.error("an object")
        dot = "" if self.place.endswith(": ") else "."
        value = self.value.get(name, default)
        if value is _MISSING:
            raise HarError(f"{self.place}{dot}{name}: expected something, got nothing")
        return _Node(value, f"{self.place}{dot}{name}")

    def items(self) -> list[_Node]:
        if not isinstance(self.value, list):
            raise self.error("a list")
        return [_Node(value, f"{self.place}[{at}]") for at, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.error("a text")
        return self.value

    def number(self) -> int:
        if not isinstance(self.value, int):
            raise self.error("a number")
        return self.value

    def decoded(self) -> bytes:
        return self._read(lambda text: base64.b64decode(text, validate=True), "base64")

    def time(self) -> float:
        return self._read(lambda text: datetime.fromisoformat(text).timestamp(), "a time")

    def _read(self, reader: Callable[[str], T], wanted: str) -> T:
        try:
            return reader(self.text())
        except (ValueError, binascii.Error) as error:
            raise self.error(wanted) from error

    def error(self, wanted: str) -> HarError:
        shown = json.dumps(self.value)
        shown = shown if len(shown) <= 60 else shown[:59] + "…"
        return HarError(f"{self.place.removesuffix(': ')}: expected {wanted}, got {shown}")
