"""The short way: secrets in fields by their names, and in bodies that can be read as they came.

It ends as soon as there is more to it; the long way then begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from mesh_traffic import Body, Exchange, Headers, replace
from mesh_traffic.headers import Field
from mesh_traffic.message import MessageT
from tap.redact.bodies import Opening
from tap.redact.context import Context
from tap.redact.marks import MARK, Marker
from tap.redact.opened import Told
from tap.redact.ready import SECRET, Ready, as_bytes, as_text
from tap.redact.repeats import Repeats, credentials

MAX_REMEMBERED = 256  # sets of secret fields, with their marks


@dataclass(slots=True)
class Seen:
    """What the quick look has gathered: values of fields, secret fields, and bodies by message."""

    texts: list[str] = field(default_factory=list)
    secrets: list[Field] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    types: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Hidden:
    """What secret fields hold, with its marks."""

    secrets: dict[bytes, bytes]
    repeats: Repeats


class ShortWay:
    """``exchange`` gives one without its secrets, or None."""

    def __init__(self, ready: Ready, marker: Marker) -> None:
        self._ready = ready
        self._marker = marker
        self._hidden = lru_cache(maxsize=MAX_REMEMBERED)(self._hide)  # clients come again

    def exchange(self, exchange: Exchange, seen: Seen, text: bytes, hit: bool) -> Exchange | None:
        """``text`` is all that is no body; ``hit``: something in it or a body is suspicious."""
        if hit and self._ready.scanner.suspicious(text):
            return None
        hidden = self._hidden(tuple(seen.secrets))
        request, response = exchange.request, exchange.response
        bodies = [request.body] if response is None else [request.body, response.body]
        repeats = hidden.repeats
        if hit:
            opened, repeats = self._opened(bodies, seen.types, hidden.secrets)
            bodies = [one.closed(repeats) if isinstance(one, Opening) else one for one in opened]
        unopened = [
            body.data for body, was in zip(bodies, seen.bodies, strict=True) if body.data is was
        ]
        if repeats.too_many or any(repeats.within(one) for one in (text, *unopened)):
            return None
        request = self._closed(request, bodies[0], hidden.secrets)
        if response is not None:
            response = self._closed(response, bodies[1], hidden.secrets)
        return replace(exchange, request=request, response=response)

    def _hide(self, found: tuple[Field, ...]) -> _Hidden:
        context = Context(self._ready.scanner, self._marker)
        for name, value in found:
            if value and not MARK.fullmatch(as_bytes(value)):
                for part in credentials(name, value):
                    context.learn(as_bytes(part))
        return _Hidden(context.secrets, Repeats(context.secrets))

    def _opened(
        self, bodies: Iterable[Body], types: Iterable[str], secrets: Mapping[bytes, bytes]
    ) -> tuple[list[Opening | Body], Repeats]:
        """The bodies, opened where something is suspicious, and all that is secret by now."""
        context = Context(self._ready.scanner, self._marker, dict(secrets))
        opened: list[Opening | Body] = []
        for body, media_type in zip(bodies, types, strict=True):
            if self._ready.scanner.suspicious(body.data):
                told = Told(media_type.strip().lower())
                opened.append(Opening.of(body, told, context))
            else:
                opened.append(body)
        return opened, Repeats(context.secrets)

    def _closed(self, message: MessageT, body: Body, secrets: Mapping[bytes, bytes]) -> MessageT:
        headers, trailers = self._without(message.headers, secrets), message.trailers
        trailers = self._without(trailers, secrets) if trailers.fields else trailers
        same = headers is message.headers and trailers is message.trailers
        if same and body is message.body:
            return message
        return replace(message, headers=headers, trailers=trailers, body=body)

    def _without(self, headers: Headers, secrets: Mapping[bytes, bytes]) -> Headers:
        what_is = self._ready.names.get
        hidden = [
            (one[0], self._mark(one[1], secrets)) if what_is(one[0]) == SECRET else one
            for one in headers.fields
        ]
        return Headers(tuple(hidden)) if hidden != list(headers.fields) else headers

    def _mark(self, value: str, secrets: Mapping[bytes, bytes]) -> str:
        data = as_bytes(value)
        return as_text(secrets.get(data) or self._marker.mark(data)) if value else value
