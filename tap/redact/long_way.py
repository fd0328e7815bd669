"""The long way of one exchange, in which something may be secret.

Each field, the path and each body are searched by themselves. What that finds is then looked for in
all of them, so nothing is closed before everything has been opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mesh_traffic import Body, Exchange, Headers, Request, Response
from tap.redact import forms
from tap.redact.bodies import Opening, without_coding
from tap.redact.context import Context
from tap.redact.marks import Marker, in_query, plain
from tap.redact.opened import Told
from tap.redact.ready import SECRET, Ready, as_bytes, as_text
from tap.redact.repeats import Repeats, credentials

MessageT = TypeVar("MessageT", Request, Response)


@dataclass(frozen=True, slots=True)
class _Opened(Generic[MessageT]):
    """A message whose fields have been searched, and whose body has."""

    message: MessageT
    headers: Headers
    trailers: Headers
    told: Told
    body: Opening | None

    def closed(self, repeats: Repeats) -> MessageT:
        before = self.message.body
        body = self.body.closed(repeats) if self.body is not None else before
        headers = _without(repeats, self.headers)
        trailers = _without(repeats, self.trailers)
        headers = without_coding(headers, before, body, self.told)
        return replace(self.message, headers=headers, trailers=trailers, body=body)


class LongWay:
    """``exchange`` gives one without its secrets, and is called once."""

    def __init__(self, ready: Ready, marker: Marker) -> None:
        self._ready = ready
        self._marker = marker
        self._context = Context(ready.scanner, marker)

    def exchange(self, exchange: Exchange) -> Exchange:
        request, response = exchange.request, exchange.response
        asked = self._opened(request, exchange)
        answered = self._opened(response, exchange) if response is not None else None
        path, request_id = self._path(request.path), self._value(exchange.request_id)
        authority = self._authority(request.authority)
        repeats = Repeats(self._context.secrets)
        if repeats:
            path = as_text(repeats.replaced(as_bytes(path), in_query))
            request_id = as_text(repeats.replaced(as_bytes(request_id), plain))
        return replace(
            exchange,
            request=replace(asked.closed(repeats), path=path, authority=authority),
            response=answered.closed(repeats) if answered is not None else None,
            request_id=request_id,
        )

    def _opened(self, message: MessageT, exchange: Exchange) -> _Opened[MessageT]:
        told = told_of(message, exchange)
        headers, trailers = self._fields(message.headers), self._fields(message.trailers)
        body = Opening.of(message.body, told, self._context) if message.body.data else None
        return _Opened(message, headers, trailers, told, body)

    def _fields(self, headers: Headers) -> Headers:
        fields = headers.fields
        secret = [self._ready.what_is(name) == SECRET for name, _ in fields]
        texts = [value for (_, value), hidden in zip(fields, secret, strict=True) if not hidden]
        searched = self._may_hide("\n".join(texts))
        if not searched and len(texts) == len(fields):
            return headers
        found = []
        for (name, value), hidden in zip(fields, secret, strict=True):
            if hidden:
                value = self._secret(name, value)
            elif searched:
                value = self._value(value)
            found.append((name, value))
        return Headers(tuple(found))

    def _secret(self, name: str, value: str) -> str:
        if not value:
            return value
        mark = self._marker.mark(as_bytes(value))
        if mark != as_bytes(value):
            for part in credentials(name, value):
                self._context.learn(as_bytes(part))
        return as_text(mark)

    def _may_hide(self, text: str) -> bool:
        return "%" in text or self._ready.scanner.suspicious(as_bytes(text))

    def _value(self, value: str) -> str:
        """Of a field: a URL, or any text."""
        if not self._may_hide(value):
            return value
        data = as_bytes(value)
        if b"?" in data and data.startswith((b"http:", b"https:", b"/")):
            return as_text(forms.path(data, self._context))
        return as_text(self._context.text(data))

    def _path(self, path: str) -> str:
        return as_text(forms.path(as_bytes(path), self._context)) if self._may_hide(path) else path

    def _authority(self, authority: str) -> str:
        """Without the user and password that it should not have (RFC 9110, section 4.2.4)."""
        user, at, host = authority.rpartition("@")
        return as_text(in_query(self._context.learn(as_bytes(user)), 0)) + at + host if at else host


def _without(repeats: Repeats, headers: Headers) -> Headers:
    if not repeats or not repeats.within(as_bytes("\n".join(value for _, value in headers.fields))):
        return headers
    return Headers(
        tuple((name, as_text(repeats.replaced(as_bytes(value), plain))) for name, value in headers)
    )


def told_of(message: Request | Response, exchange: Exchange) -> Told:
    """What the fields of ``message`` say of its body."""
    said: dict[str, str] = {}
    for name, value in message.headers.fields:
        lowered = name.lower()
        said[lowered] = f"{said[lowered]},{value}" if lowered in said else value
    response = exchange.response
    upgrade = (exchange.request.headers.get("upgrade") or "").strip().lower()
    switched = upgrade == "websocket" and response is not None and response.status in (101, 200)
    extensions = response.headers.get_all("sec-websocket-extensions") if response else []
    codings = (one.strip().lower() for one in said.get("content-encoding", "").split(","))
    return Told(
        said.get("content-type", "").strip().lower(),
        tuple(one for one in codings if one not in ("", "identity", "none")),
        said.get("grpc-encoding", "").strip().lower(),
        ",".join(extensions).lower(),
        switched,
    )
