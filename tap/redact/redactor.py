"""The Redactor: an exchange as it was captured in, one that may be shown out.

Most exchanges hold no secret but in their headers, so there is a quick look first: names of fields
in a table, and one search through all texts and bodies. What that finds goes the long way: each
field and body is searched by itself, and then all of them for what was found in any.
"""

from __future__ import annotations

from secrets import token_bytes

from mesh_traffic import Body, Exchange, Request, Response
from mesh_traffic.headers import Field
from tap.redact.fields import HiddenFields
from tap.redact.kinds import FORM, as_it_is, kind_of, may_be_wide
from tap.redact.long_way import LongWay
from tap.redact.marks import Marker
from tap.redact.ready import SECRET, Ready, as_bytes, as_text
from tap.redact.repeats import Repeats
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
        secrets: list[Field] = []
        data = _searchable(exchange, ready, secrets)
        if data is None or ready.scanner.suspicious(data):
            return LongWay(ready, self._marker).exchange(exchange)
        if not secrets:
            return exchange
        hiding = HiddenFields(ready, self._marker)
        if Repeats(hiding.secrets_in(secrets)).within(data):
            return LongWay(ready, self._marker).exchange(exchange)
        return hiding.exchange(exchange)

    def _make_ready(self, rules: Rules) -> Ready:
        return self._ready.setdefault(id(rules), Ready(rules))  # the book keeps the rules alive

    def mark(self, value: str) -> str:
        """What stands for ``value``: ``[redacted 3f9a1c]``."""
        return as_text(self._marker.mark(as_bytes(value)))

    def is_secret(self, name: str) -> bool:
        """Whether the field ``name`` is one, where no service has its own rules."""
        rules = self._book.default
        return (self._ready.get(id(rules)) or self._make_ready(rules)).is_secret(name)


def _searchable(exchange: Exchange, ready: Ready, secrets: list[Field]) -> bytes | None:
    """All that one search has to look at; None: it can't be searched as it is.

    ``secrets`` gets the fields that are: they are not part of it.
    """
    request, response = exchange.request, exchange.response
    if "@" in request.authority:
        return None
    texts = [exchange.request_id, request.path]
    if not _gathered(request, ready, texts, secrets):
        return None
    bodies = [request.body.data]
    if response is not None:
        if not _gathered(response, ready, texts, secrets):
            return None
        bodies.append(response.body.data)
    text = "\n".join(texts)
    return None if "%" in text else b"\n".join((as_bytes(text), *bodies))


def _gathered(
    message: Request | Response, ready: Ready, texts: list[str], secrets: list[Field]
) -> bool:
    names, body, trailers = ready.names, message.body, message.trailers.fields
    fields = message.headers.fields
    for field in (*fields, *trailers) if trailers else fields:
        name, value = field
        what = names.get(name)
        if what is None:
            what = ready.learn(name)
        if what == SECRET:
            secrets.append(field)
            continue
        if what and not _is_searchable(name, value, body):
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
