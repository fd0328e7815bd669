"""HAR 1.2: entries for browsers' network panels and proxies; the reader is ``tap.har``.

http://www.softwareishard.com/blog/har-12-spec/. What a mesh knows beyond it is in ``_meshloom``,
which the format allows. Content codings are undone, as the format wants it of a response's content;
one that can't be stays, with a comment.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.coding import codings_of, undo
from tap.export.raw import reason
from tap.export.words import cut, remarks, to_text
from tap.language.terms import url

MAX_EXPANDED = 16 << 20  # bytes that one body may expand to; beyond it stays as it is
MAX_PARAMETERS = 1_000  # of a query string
_UNKNOWN = -1  # the format's word for a size or time that is not known


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version("meshloom")
    except PackageNotFoundError:
        number = "0"
    creator = json.dumps({"name": "meshloom", "version": number})
    yield b'{"log": {"version": "1.2", "creator": %s, "entries": [' % creator.encode()
    separator = b"\n"
    for exchange in exchanges:
        yield separator + json.dumps(entry(exchange)).encode()
        separator = b",\n"
    yield b"\n]}}\n"


def entry(exchange: Exchange) -> dict[str, Any]:
    """One of ``log.entries``."""
    milliseconds = None if exchange.duration is None else exchange.duration * 1000
    values = {
        "startedDateTime": _moment(exchange.started),
        "time": milliseconds or 0,
        "request": _request(exchange.request),
        "response": _response(exchange.response),
        "cache": {},
        "timings": _timings(exchange),
        "_meshloom": _beyond(exchange),
    }
    host, _, port = exchange.destination.address.rpartition(":")
    if host and port.isascii() and port.isdigit():
        values["serverIPAddress"] = to_text(host.strip("[]"))
    if said := remarks(exchange):
        values["comment"] = "; ".join(said)
    return values


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):  # no time that a calendar has
        return datetime.fromtimestamp(0, UTC).isoformat(timespec="microseconds")


def _timings(exchange: Exchange) -> dict[str, float]:
    """``send``: until the last byte of the request; ``wait``: until the first of the answer."""
    timing, duration = exchange.timing, exchange.duration
    if timing.asked is None or timing.answered is None or timing.ended is None:
        wait = _UNKNOWN if duration is None else duration * 1000
        return {"send": 0, "wait": wait, "receive": 0}
    ends = (0.0, timing.asked, timing.answered, timing.ended)  # an answer may come before the end
    send, wait, receive = (max(0.0, end - at) * 1000 for at, end in pairwise(ends))
    return {"send": send, "wait": wait, "receive": receive}


def _request(request: Request) -> dict[str, Any]:
    headers = request.headers
    if request.authority and "host" not in headers:
        headers = Headers((("host", request.authority), *headers.fields))
    values = {
        "method": to_text(request.method),
        "url": to_text(url(request)),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": _query(request.path),
        "headersSize": _UNKNOWN,
        "bodySize": _size(request.body),
    }
    if request.body:
        media = request.headers.get("content-type") or "application/octet-stream"
        values["postData"] = {
            "mimeType": to_text(media),
            **_text(request.body.data),
            **_comment(cut(request.body)),
        }
    return values


def _response(response: Response | None) -> dict[str, Any]:
    """Without one, what browsers write for a request that got no answer: status 0."""
    response = response or Response(0)
    data, headers, note = _undone(response)
    media = headers.get("content-type") or "application/octet-stream"
    return {
        "status": response.status,
        "statusText": reason(response.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(response.headers),
        "content": {
            "size": len(data) if response.body.size is None else response.body.size,
            "mimeType": to_text(media),
            **_text(data),
            **_comment("; ".join(filter(None, (cut(response.body), note)))),
        },
        "redirectURL": to_text(headers.get("location") or ""),
        "headersSize": _UNKNOWN,
        "bodySize": _size(response.body),
    }


def _undone(response: Response) -> tuple[bytes, Headers, str]:
    """The body without its content coding, where it can be undone, and a remark where not."""
    body, codings = response.body, codings_of(response.headers.get_all("content-encoding"))
    if not body.data or not codings:
        return body.data, response.headers, ""
    undone = undo(body.data, codings, MAX_EXPANDED)
    if undone.data and not undone.left and (body.truncated or not undone.notes):
        return undone.data, response.headers, ""
    return body.data, response.headers, to_text(f"still in its content coding, {codings[-1]}")


def _text(data: bytes) -> dict[str, str]:
    """``text``, in base64 where the bytes are none. A request's ``encoding`` is our own."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(data).decode(), "encoding": "base64"}


def _pairs(headers: Headers) -> list[Mapping[str, str]]:
    return [{"name": to_text(name), "value": to_text(value)} for name, value in headers]


def _query(path: str) -> list[Mapping[str, str]]:
    try:
        found = parse_qsl(urlsplit(path).query, keep_blank_values=True)
    except ValueError:  # a host in brackets that is none
        return []
    return [{"name": to_text(n), "value": to_text(v)} for n, v in found[:MAX_PARAMETERS]]


def _size(body: Body) -> int:
    if body.size is not None:
        return body.size
    return _UNKNOWN if body.truncated else len(body.data)


def _comment(text: str) -> dict[str, str]:
    return {"comment": text} if text else {}


def _beyond(exchange: Exchange) -> dict[str, Any]:
    names = ("id", "node", "request_id", "direction", "route", "cluster", "details")
    return {
        **{name: to_text(getattr(exchange, name)) for name in names},
        "source": to_text(str(exchange.source)),
        "destination": to_text(str(exchange.destination)),
        "flags": [to_text(flag) for flag in exchange.flags],
        "attempts": exchange.attempts,
        "sources": list(exchange.sources),
        **{name: to_text(getattr(exchange.trace, name)) for name in ("trace_id", "span_id")},
    }
