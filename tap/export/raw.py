"""HTTP/1.1 messages as text (RFC 9112): each request and its response, one after the other.

They can be read by a parser as they stand: a body's framing is that of the bytes which were kept,
and a body that was cut off says so in a field of its own, ``x-meshloom-body``. A field that would
break out of its line is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.export.words import TOKEN, cut, sendable, to_bytes

MARK = "x-meshloom-body"
_FRAMING = ("content-length", "transfer-encoding", "trailer")
_NO_BODY = (204, 304)  # RFC 9110, section 6.4.1


def write(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    for exchange in exchanges:
        yield request(exchange.request)
        if exchange.response is not None:
            yield response(exchange.response, exchange.request.method)


def request(message: Request) -> bytes:
    method = message.method if TOKEN.fullmatch(message.method) else "?"
    target = message.path if message.path and _in_a_line(message.path) else "/"
    fields = message.headers.removed("host").fields
    if message.authority:
        fields = (("host", message.authority), *fields)
    framed = bool(message.body.data or message.trailers or message.method in ("POST", "PUT"))
    return _message(f"{method} {target} HTTP/1.1", fields, message, framed)


def response(message: Response, method: str) -> bytes:
    """An answer to ``method``: one to HEAD keeps the length that it speaks of."""
    line = f"HTTP/1.1 {message.status:03} {reason(message.status)}"
    bodiless = method == "HEAD" or message.status in _NO_BODY or message.status < 200
    if bodiless and not message.body.data:
        fields = tuple(f for f in message.headers if f[0].lower() != "transfer-encoding")
        return _head(line, fields)
    return _message(line, message.headers.fields, message, True)


def reason(status: int) -> str:
    """``Not Found``; "" for a status that RFC 9110 does not have."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _message(
    line: str, fields: Iterable[tuple[str, str]], message: Request | Response, framed: bool
) -> bytes:
    body, trailers = message.body, message.trailers
    kept = [field for field in fields if field[0].lower() not in _FRAMING]
    if body.truncated:
        kept.append((MARK, cut(body)))
    if trailers:
        return _head(line, [*kept, ("transfer-encoding", "chunked")]) + _chunked(body, trailers)
    if framed or body.truncated:
        kept.append(("content-length", str(len(body.data))))
    return _head(line, kept) + body.data


def _head(line: str, fields: Iterable[tuple[str, str]]) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in filter(sendable, fields))]
    return b"".join(to_bytes(one) + b"\r\n" for one in lines) + b"\r\n"


def _chunked(body: Body, trailers: Headers) -> bytes:
    """RFC 9112, section 7.1; trailers need it."""
    chunk = b"%x\r\n%s\r\n" % (len(body.data), body.data) if body.data else b""
    ends = [f"{name}: {value}" for name, value in filter(sendable, trailers)]
    return chunk + b"0\r\n" + b"".join(to_bytes(one) + b"\r\n" for one in ends) + b"\r\n"


def _in_a_line(target: str) -> bool:
    return not any(one in target for one in " \r\n\0\t")
