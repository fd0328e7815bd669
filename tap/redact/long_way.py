"""The long way of one exchange, in which something may be secret.

Each field, the path and each body are searched by themselves. What that finds is then looked for in
all of them, so nothing is closed before everything has been opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from mesh_traffic import Exchange, Headers, Response, replace
from mesh_traffic.message import MessageT
from tap.redact import forms
from tap.redact.bodies import Opening, without_coding
from tap.redact.context import Context
from tap.redact.marks import MARK, Marker, in_query, plain
from tap.redact.opened import Told
from tap.redact.ready import PLAIN, SECRET, Ready, as_bytes, as_text
from tap.redact.repeats import Repeats, credentials


class LongWay:
    """``exchange`` gives one without its secrets, and is called once."""

    def __init__(self, ready: Ready, marker: Marker) -> None:
        self._ready = ready
        self._marker = marker
        self._context = Context(ready.scanner, marker)
        self._websocket: str | None = None
        self._fields_marked: dict[bytes, bytes] = {}  # short ones count where they stand only

    @property
    def marked(self) -> dict[bytes, bytes]:
        """What each mark of the exchange stands for."""
        found = {mark: value for value, mark in self._context.secrets.items()}
        return {**found, **self._fields_marked}

    def exchange(self, exchange: Exchange) -> Exchange:
        request, response = exchange.request, exchange.response
        path, request_id = self._path(request.path), self._value(exchange.request_id)
        authority = self._authority(request.authority)
        asked = self._opened(request, response)
        answered = self._opened(response, response) if response is not None else None
        repeats = Repeats(self._context.secrets)
        path = as_text(repeats.replaced(as_bytes(path), in_query))
        request_id = as_text(repeats.replaced(as_bytes(request_id), plain))
        return replace(
            exchange,
            request=asked.closed(repeats, path=path, authority=authority),
            response=answered.closed(repeats) if answered is not None else None,
            request_id=request_id,
        )

    def _opened(self, message: MessageT, response: Response | None) -> _Opened[MessageT]:
        headers, about = self._fields(message.headers)
        trailers = message.trailers
        if trailers.fields:
            trailers, _ = self._fields(trailers)
        if "upgrade" in about and message is not response:
            self._websocket = websocket_of(about["upgrade"], response)
        told = told_of(about, self._websocket)
        body = Opening.of(message.body, told, self._context) if message.body.data else None
        return _Opened(message, headers, trailers, told, body)

    def _fields(self, headers: Headers) -> tuple[Headers, dict[str, str]]:
        """The fields without secrets, and those that tell of the body."""
        names, learn = self._ready.names, self._ready.learn
        found, texts = [], []
        about: dict[str, str] = {}
        for field in headers.fields:
            kind = names.get(field[0])
            if kind is None:
                kind = learn(field[0])
            if kind == PLAIN:
                texts.append(field[1])
            elif kind == SECRET:
                field = (field[0], self._secret(*field))
            else:
                name = field[0].lower()
                about[name] = f"{about[name]},{field[1]}" if name in about else field[1]
            found.append(field)
        if self._may_hide("\n".join(texts)):
            found = [(name, self._value(value)) for name, value in found]
        return Headers(tuple(found)), about

    def _secret(self, name: str, value: str) -> str:
        if not value:
            return value
        data = as_bytes(value)
        if not MARK.fullmatch(data):
            for part in credentials(name, value):
                self._context.learn(as_bytes(part))
        mark = self._context.secrets.get(data) or self._marker.mark(data)
        self._fields_marked[mark] = data
        return as_text(mark)

    def _may_hide(self, text: str) -> bool:
        return "%" in text or self._ready.scanner.suspicious(as_bytes(text))

    def _value(self, value: str) -> str:
        """Of a field: a URL, or any text."""
        if not value or not self._may_hide(value):
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


@dataclass(frozen=True, slots=True)
class _Opened(Generic[MessageT]):
    """A message whose fields have been searched, and whose body has."""

    message: MessageT
    headers: Headers
    trailers: Headers
    told: Told
    body: Opening | None

    def closed(self, repeats: Repeats, **more: str) -> MessageT:
        before = self.message.body
        body = self.body.closed(repeats) if self.body is not None else before
        headers = _without(repeats, self.headers)
        if body is not before:
            headers = without_coding(headers, self.told)
        trailers = _without(repeats, self.trailers)
        return replace(self.message, headers=headers, trailers=trailers, body=body, **more)


def _without(repeats: Repeats, headers: Headers) -> Headers:
    if not headers.fields or not repeats.within(
        as_bytes("\n".join([value for _, value in headers.fields]))
    ):
        return headers
    return Headers(
        tuple((name, as_text(repeats.replaced(as_bytes(value), plain))) for name, value in headers)
    )


def told_of(about: Mapping[str, str], websocket: str | None) -> Told:
    """What the fields ``about`` a body say of it."""
    if not about and websocket is None:
        return _NOTHING
    codings = [one.strip() for one in about.get("content-encoding", "").lower().split(",")]
    return Told(
        about.get("content-type", "").strip().lower(),
        tuple([one for one in codings if one not in ("", "identity", "none")]),
        about.get("grpc-encoding", "").strip().lower(),
        websocket,
    )


_NOTHING = Told()


def websocket_of(upgrade: str, response: Response | None) -> str | None:
    """The extensions of a WebSocket (RFC 6455, section 4; over HTTP/2, RFC 8441); None: it is none.

    A request has its ``upgrade`` over both, as Envoy keeps it.
    """
    if upgrade.strip().lower() != "websocket" or response is None:
        return None
    if response.status not in (101, 200):
        return None
    return ",".join(response.headers.get_all("sec-websocket-extensions")).lower()
