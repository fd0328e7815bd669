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
from tap.redact.ready import SECRET, Ready, as_bytes, as_text
from tap.redact.rules import RuleBook, Rules


class Redactor:
    """``redactor(exchange)`` is the exchange that may be shown. ``key`` is random for each run."""

    def __init__(self, rules: RuleBook | Rules | None = None, key: bytes | None = None) -> None:
        self._book = rules if isinstance(rules, RuleBook) else RuleBook(rules or Rules())
        self._marker = Marker(key if key is not None else token_bytes(32))
        self._ready: dict[int, Ready] = {}

    def __call__(self, exchange: Exchange) -> Exchange:
        rules = self._book.of(exchange.destination.service)
        if rules.off:
            return exchange
        ready = self._ready.get(id(rules)) or self._make_ready(rules)
        if _is_plain(exchange, ready):
            return exchange
        return LongWay(ready, self._marker).exchange(exchange)

    def _make_ready(self, rules: Rules) -> Ready:
        return self._ready.setdefault(id(rules), Ready(rules))  # the book keeps the rules alive

    def mark(self, value: str) -> str:
        """What stands for ``value``: ``[redacted 3f9a1c]``."""
        return as_text(self._marker.mark(as_bytes(value)))

    def is_secret(self, name: str) -> bool:
        """Whether the field ``name`` is one, where no service has its own rules."""
        rules = self._book.default
        return (self._ready.get(id(rules)) or self._make_ready(rules)).is_secret(name)


def _is_plain(exchange: Exchange, ready: Ready) -> bool:
    """Whether there is nothing to look at twice."""
    request, response = exchange.request, exchange.response
    if "@" in request.authority:
        return False
    texts = [exchange.request_id, request.path]
    if not _are_plain(request, ready, texts):
        return False
    bodies = (request.body.data,)
    if response is not None:
        if not _are_plain(response, ready, texts):
            return False
        bodies = (request.body.data, response.body.data)
    text = "\n".join(texts)
    return "%" not in text and not ready.scanner.suspicious(b"\n".join((as_bytes(text), *bodies)))


def _are_plain(message: Request | Response, ready: Ready, texts: list[str]) -> bool:
    names, body, trailers = ready.names, message.body, message.trailers.fields
    fields = message.headers.fields
    for name, value in (*fields, *trailers) if trailers else fields:
        what = names.get(name)
        if what is None:
            what = ready.learn(name)
        if what and (what == SECRET or not _is_searchable(name, value, body)):
            return False
        texts.append(value)
    if body.truncated or may_be_wide(body.data):
        return False
    return not (ready.scanner.paths and ready.scanner.paths.may_be_in(body.data))


def _is_searchable(name: str, value: str, body: Body) -> bool:
    """Whether the field ``name`` says that the body can be searched as it came."""
    if not body.data:
        return True
    if name.lower() != "content-type" or not as_it_is(value):
        return False
    return b"%" not in body.data or kind_of(value.lower()) is not FORM
