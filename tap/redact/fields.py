"""Fields whose names say that they are secrets: their values become marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from mesh_traffic import Exchange, Headers, Request, Response
from mesh_traffic.headers import Field
from tap.redact.marks import Marker
from tap.redact.ready import SECRET, Ready, as_bytes, as_text
from tap.redact.repeats import credentials

T = TypeVar("T", Exchange, Request, Response)


class HiddenFields:
    """Marks for the fields of one exchange."""

    def __init__(self, ready: Ready, marker: Marker) -> None:
        self._ready = ready
        self._mark = marker.mark

    def secrets_in(self, found: Iterable[Field]) -> dict[bytes, bytes]:
        """The credentials in secret fields, and their marks."""
        marks: dict[bytes, bytes] = {}
        for name, value in found:
            if value and self._mark(as_bytes(value)) != as_bytes(value):  # it is none yet
                for part in credentials(name, value):
                    marks[as_bytes(part)] = self._mark(as_bytes(part))
        return marks

    def exchange(self, exchange: Exchange) -> Exchange:
        """The exchange without them, and nothing else changed."""
        request = self._message(exchange.request)
        response = exchange.response and self._message(exchange.response)
        return with_values(exchange, request=request, response=response)

    def _message(self, message: Any) -> Any:
        headers, trailers = self.headers(message.headers), message.trailers
        trailers = self.headers(trailers) if trailers.fields else trailers
        if headers is message.headers and trailers is message.trailers:
            return message
        return with_values(message, headers=headers, trailers=trailers)

    def headers(self, headers: Headers) -> Headers:
        what_is = self._ready.names.get
        hidden = [
            (field[0], self.value(field[1])) if what_is(field[0]) == SECRET else field
            for field in headers.fields
        ]
        return Headers(tuple(hidden)) if hidden != list(headers.fields) else headers

    def value(self, value: str) -> str:
        return as_text(self._mark(as_bytes(value))) if value else value


_NAMES = {kind: [one.name for one in fields(kind)] for kind in (Exchange, Request, Response)}
_VALUES = {kind: attrgetter(*names) for kind, names in _NAMES.items()}


def with_values(noun: T, **changed: Any) -> T:
    """What ``dataclasses.replace`` does, in a third of the time."""
    kind = type(noun)
    values = dict(zip(_NAMES[kind], _VALUES[kind](noun), strict=True))
    return kind(**{**values, **changed})
