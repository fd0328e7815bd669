"""What mitmweb's pages send when somebody edits a message, as a changed exchange. Pure.

All of it is hostile: of another type than expected, of any size that a request may have, half
surrogates. Whether a value can be sent at all is for the holder to say; here it only has to be one.
What mitmweb can edit and a mesh can't is refused in words: the HTTP version and the reason are not
ours to choose, and trailers have not come when a message is held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mesh_traffic import Body, Exchange, Headers, Request, Response, replace
from mesh_traffic.message import MessageT
from tap.coding import codings_of, undo
from tap.content import Side
from tap.flows import host_and_port
from tap.flows.web.holds import Refused

MAX_HEADERS = 1_000
MAX_TEXT = 64 * 1024  # characters of all headers, or of another value; Envoy takes 60 KiB in all
_CODEC = ("utf-8", "surrogateescape")  # as Headers

_Value = TypeVar("_Value", bound=int | str | list[Any])


def edited(exchange: Exchange, held: Side, told: Any) -> Exchange:
    """``told`` is mitmweb's: ``{"request": {"path": "/2", "headers": [["a", "1"]]}}``.

    Raises Refused.
    """
    for side, fields in _object(told, "a flow").items():
        if side not in ("request", "response"):
            raise Refused(f"{side[:40]!r} of a flow can't be changed")
        if side != held:
            where = "has not come yet" if side == "response" else "is on its way already"
            raise Refused(f"the {side} {where}: the {held} is held")
        exchange = _of_side(exchange, side, _object(fields, side))
    return exchange


def with_content(exchange: Exchange, held: Side, data: bytes) -> Exchange:
    """With another body, byte for byte; what it was encoded by is left out."""
    if held == "request":
        return replace(exchange, request=_with_body(exchange.request, data))
    assert exchange.response is not None
    return replace(exchange, response=_with_body(exchange.response, data))


def _of_side(exchange: Exchange, side: Side, fields: Mapping[str, Any]) -> Exchange:
    if side == "request":
        request = exchange.request
        for name, value in fields.items():
            request = _change(_REQUEST, side, name)(request, value)
        return replace(exchange, request=request)
    response = exchange.response
    assert response is not None
    for name, value in fields.items():
        response = _change(_RESPONSE, side, name)(response, value)
    return replace(exchange, response=response)


_Change = Callable[[MessageT, Any], MessageT]


def _change(known: Mapping[str, _Change[MessageT]], side: str, name: str) -> _Change[MessageT]:
    found = known.get(name)
    if found is None:
        raise Refused(f"{name[:40]!r} of a {side} can't be changed here")
    return found


def _method(request: Request, value: Any) -> Request:
    return replace(request, method=_text(value, "method"))


def _scheme(request: Request, value: Any) -> Request:
    return replace(request, scheme=_text(value, "scheme"))


def _path(request: Request, value: Any) -> Request:
    return replace(request, path=_text(value, "path"))


def _host(request: Request, value: Any) -> Request:
    """mitmweb sends host and port with each edit of an address, mostly as they are."""
    host, port = host_and_port(request)
    if _text(value, "host") == host:
        return request
    has_port = request.authority.endswith(f":{port}")
    return replace(request, authority=f"{value}:{port}" if has_port else value)


def _port(request: Request, value: Any) -> Request:
    host, port = host_and_port(request)
    if _typed(value, int, "port") == port:
        return request
    return replace(request, authority=f"[{host}]:{value}" if ":" in host else f"{host}:{value}")


def _request_headers(request: Request, value: Any) -> Request:
    """The authority is among them, as ``host``."""
    headers = _headers(value)
    hosts = headers.get_all("host")
    if len(hosts) != 1:
        raise Refused(f"a request has one host, got {len(hosts)}")
    return replace(request, authority=hosts[0], headers=headers.removed("host"))


def _response_headers(response: Response, value: Any) -> Response:
    return replace(response, headers=_headers(value))


def _status(response: Response, value: Any) -> Response:
    return replace(response, status=_typed(value, int, "status"))


def _content(message: MessageT, value: Any) -> MessageT:
    """mitmweb's editor shows a body without its codings, as UTF-8, and ends lines by a line feed.

    What it can't show it can't give back: only what it was sent unchanged is taken then.
    """
    text = _encodable(value, "content")
    undone = undo(message.body.data, codings_of(message.headers.get_all("content-encoding")))
    shown = undone.data.decode("utf-8-sig", "replace")
    if text == shown:
        return message
    if undone.cut or undone.left or undone.notes:
        raise Refused("only a part of this body could be decoded: replace it by a file")
    if "\ufffd" in shown or undone.data.startswith(b"\xef\xbb\xbf"):
        raise Refused("this body is no plain UTF-8: replace it by a file")
    if "\r" in shown and "\r" not in text and "\n" not in shown.replace("\r\n", ""):
        text = text.replace("\n", "\r\n")
    return message if text == shown else _with_body(message, text.encode(*_CODEC))


def _with_body(message: MessageT, data: bytes) -> MessageT:
    headers = message.headers.removed("content-encoding")
    if "content-length" in headers:
        headers = headers.replaced("content-length", str(len(data)))
    return replace(message, headers=headers, body=Body(data, size=len(data)))


# mitmweb's names for what can be changed.
_REQUEST: Mapping[str, _Change[Request]] = {
    "method": _method,
    "scheme": _scheme,
    "host": _host,
    "port": _port,
    "path": _path,
    "headers": _request_headers,
    "content": _content,
}
_RESPONSE: Mapping[str, _Change[Response]] = {
    "code": _status,
    "headers": _response_headers,
    "content": _content,
}


def _headers(value: Any) -> Headers:
    pairs = _typed(value, list, "headers")
    if len(pairs) > MAX_HEADERS:
        raise Refused(f"{len(pairs)} headers, wanted at most {MAX_HEADERS}")
    fields = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise Refused("'headers' has to be a list of names with their values")
        fields.append((_text(pair[0], "header"), _text(pair[1], "header")))
    if sum(len(name) + len(value) for name, value in fields) > MAX_TEXT:
        raise Refused(f"headers of more than {MAX_TEXT} characters")
    return Headers(tuple(fields))


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused(f"{what} has to be an object, got {type(value).__name__}")
    return value


def _text(value: Any, what: str) -> str:
    text = _encodable(value, what)
    if len(text) > MAX_TEXT:
        raise Refused(f"{what!r} of {len(text)} characters, wanted at most {MAX_TEXT}")
    return text


def _encodable(value: Any, what: str) -> str:
    text = _typed(value, str, what)
    try:
        text.encode(*_CODEC)
    except UnicodeEncodeError as error:
        raise Refused(f"{what!r} has a half of a character at {error.start}") from error
    return text


def _typed(value: Any, kind: type[_Value], what: str) -> _Value:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refused(f"{what!r} has to be {_KINDS[kind]}, got {type(value).__name__}")
    return value


_KINDS: Mapping[type, str] = {str: "text", int: "a whole number", list: "a list"}
