"""The Redactor: an exchange as it was captured in, one that may be shown out.

Most exchanges hold no secret but in their headers, so there is a quick look first: names of fields
in a table, and one search through all texts and bodies. What that finds goes the long way: each
field and body is searched by itself, and then all of them for what was found in any.
"""

from __future__ import annotations

from secrets import token_bytes

from mesh_traffic import Body, Exchange, Request, Response
from tap.redact.kinds import FORM, as_it_is, kind_of, may_be_wide
from tap.redact.long_way import LongWay
from tap.redact.marks import Marker
from tap.redact.ready import Ready, as_bytes, as_text
from tap.redact.rules import RuleBook, Rules
from tap.redact.short_way import Seen, ShortWay


class Redactor:
    """``redactor(exchange)`` is the exchange that may be shown. ``key`` is random for each run."""

    def __init__(self, rules: RuleBook | Rules | None = None, key: bytes | None = None) -> None:
        self._book = rules if isinstance(rules, RuleBook) else RuleBook(rules or Rules())
        self._marker = Marker(key if key is not None else token_bytes(32))
        self._ways: dict[int, tuple[Ready, ShortWay]] = {}  # by rules, which the book keeps alive

    def __call__(self, exchange: Exchange) -> Exchange:
        rules = self._book.of(exchange.destination.service)
        if rules.off:
            return exchange
        ready, short_way = self._ways.get(id(rules)) or self._made_ready(rules)
        seen = Seen()
        text = _text_of(exchange, ready, seen)
        if text is None:
            return LongWay(ready, self._marker).exchange(exchange)
        hit = ready.scanner.suspicious(b"\n".join((text, *seen.bodies)))
        if not hit and not seen.secrets:
            return exchange
        shown = short_way.exchange(exchange, seen, text, hit)
        return shown or LongWay(ready, self._marker).exchange(exchange)

    def opened(self, exchange: Exchange) -> tuple[Exchange, dict[bytes, bytes]]:
        """The exchange that may be shown, and what its marks stand for: for who lets people change
        what they see, and has to put back what they do not."""
        rules = self._book.of(exchange.destination.service)
        if rules.off:
            return exchange, {}
        ready, _ = self._ways.get(id(rules)) or self._made_ready(rules)
        way = LongWay(ready, self._marker)
        return way.exchange(exchange), way.marked

    def _made_ready(self, rules: Rules) -> tuple[Ready, ShortWay]:
        ready = Ready(rules)
        return self._ways.setdefault(id(rules), (ready, ShortWay(ready, self._marker)))

    def mark(self, value: str) -> str:
        """What stands for ``value``: ``[redacted 3f9a1c]``."""
        return as_text(self._marker.mark(as_bytes(value)))

    def is_secret(self, name: str) -> bool:
        """Whether the field ``name`` is one, where no service has its own rules."""
        rules = self._book.default
        ready, _ = self._ways.get(id(rules)) or self._made_ready(rules)
        return ready.is_secret(name)


def _text_of(exchange: Exchange, ready: Ready, seen: Seen) -> bytes | None:
    """All text that is not a body; None: something can't be searched as it is."""
    request, response = exchange.request, exchange.response
    if "@" in request.authority or not _gathered(request, ready, seen):
        return None
    if response is not None and not _gathered(response, ready, seen):
        return None
    text = "\n".join((exchange.request_id, request.path, *seen.texts))
    return None if "%" in text else as_bytes(text)


def _gathered(message: Request | Response, ready: Ready, seen: Seen) -> bool:
    fields = message.headers.fields + message.trailers.fields
    if not fields:
        return _can_be_searched(message.body, "", ready, seen)
    names, values = zip(*fields, strict=True)
    layout = ready.layouts.get(names) or ready.lay_out(names)
    seen.texts += layout.plain(values)
    seen.secrets += [fields[at] for at in layout.secrets]
    if layout.more and message.body.data:
        return False
    media_type = "" if layout.type_at is None else values[layout.type_at]
    return _can_be_searched(message.body, media_type, ready, seen)


def _can_be_searched(body: Body, media_type: str, ready: Ready, seen: Seen) -> bool:
    data = body.data
    seen.bodies.append(data)
    seen.types.append(media_type)
    if (body.truncated and data) or may_be_wide(data):
        return False
    if media_type and not as_it_is(media_type):
        return False
    if b"%" in data and kind_of(media_type.lower()) is FORM:
        return False
    return not (ready.scanner.paths and ready.scanner.paths.may_be_in(data))
