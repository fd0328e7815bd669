"""What one term of a filter expression means: predicates on an exchange.

``OPERATORS`` are mitmproxy's (``~m``, ``~u``, …; its documentation, "Filter expressions"), with
regular expressions that ignore case. ``FIELDS`` are what a comparison may name on its left side.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mesh_traffic import Exchange, Headers, Request, Response
from tap.flags import in_words
from tap.language.conditions import Atom, Condition
from tap.tree.trace_context import context

Predicate = Callable[[Exchange], bool]
Texts = Callable[[Exchange], tuple[str, ...]]
Number = Callable[[Exchange], float | None]


class TermError(ValueError):
    """A term that has no meaning; the message says why, the grammar knows where."""


class SignError(TermError):
    """A comparison sign that its field does not have."""


@dataclass(frozen=True, slots=True)
class Term:
    """A predicate, what it surely implies, and whether it reads ``bodies``, or any of a
    ``message``: headers or bodies."""

    holds: Predicate
    implied: Condition | None = None
    bodies: bool = False
    message: bool = False


@dataclass(frozen=True, slots=True)
class TextField:
    """A field of zero, one or more texts. A comparison holds when it holds for one of them."""

    read: Texts


@dataclass(frozen=True, slots=True)
class NumberField:
    """A field with an order. One that was not seen compares as false, except with ``!=``."""

    read: Number
    parse: Callable[[str], float]


UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|s|m)")
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def seconds(text: str) -> float:
    """``100ms`` → 0.1"""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise TermError(f"{text!r} is no duration, expected a number with us, ms, s or m")
    return float(found[1]) * UNITS[found[2]]


def whole_number(text: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise TermError(f"{text!r} is no whole number")
    return int(text)


def regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise TermError(f"{text!r} is no regular expression: {error}") from error


def url(request: Request) -> str:
    return f"{request.scheme}://{request.authority}{request.path}"


def lines(headers: Headers) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def _response(read: Callable[[Response], str]) -> Callable[[Exchange], str]:
    return lambda exchange: "" if exchange.response is None else read(exchange.response)


_READ_REQUEST: Mapping[str, Callable[[Exchange], str]] = {
    "~hq": lambda exchange: lines(exchange.request.headers),
    "~bq": lambda exchange: exchange.request.body.text,
    "~tq": lambda exchange: exchange.request.headers.get("content-type") or "",
}
_READ_RESPONSE: Mapping[str, Callable[[Exchange], str]] = {
    "~hs": _response(lambda response: lines(response.headers)),
    "~bs": _response(lambda response: response.body.text),
    "~ts": _response(lambda response: response.headers.get("content-type") or ""),
}
_READ: Mapping[str, tuple[Callable[[Exchange], str], ...]] = {
    "~m": (lambda exchange: exchange.request.method,),
    "~u": (lambda exchange: url(exchange.request),),
    "~d": (lambda exchange: exchange.request.authority.partition(":")[0],),
    "~h": (_READ_REQUEST["~hq"], _READ_RESPONSE["~hs"]),
    "~b": (_READ_REQUEST["~bq"], _READ_RESPONSE["~bs"]),
    "~t": (_READ_REQUEST["~tq"], _READ_RESPONSE["~ts"]),
    **{name: (read,) for name, read in {**_READ_REQUEST, **_READ_RESPONSE}.items()},
}
OPERATORS = (*_READ, "~c")  # take a value
BARE: Mapping[str, Predicate] = {
    "~q": lambda exchange: exchange.response is None,
    "~s": lambda exchange: exchange.response is not None,
    "~all": lambda exchange: True,
}

_BODIES = frozenset(("~b", "~bq", "~bs"))
_MESSAGES = _BODIES | {"~h", "~hq", "~hs", "~t", "~tq", "~ts"}
_DURATION_FIELD = NumberField(lambda exchange: exchange.duration, seconds)

FIELDS: Mapping[str, TextField | NumberField] = {
    "status": NumberField(
        lambda exchange: exchange.response.status if exchange.response else None, whole_number
    ),
    "duration": _DURATION_FIELD,
    "latency": _DURATION_FIELD,
    "service": TextField(lambda exchange: (exchange.destination.service,)),
    "version": TextField(lambda exchange: (exchange.destination.version,)),
    "source": TextField(lambda exchange: (exchange.source.service,)),
    "method": TextField(lambda exchange: (exchange.request.method,)),
    "path": TextField(lambda exchange: (exchange.request.path,)),
    "host": TextField(lambda exchange: (exchange.request.authority,)),
    "node": TextField(lambda exchange: (exchange.node,)),
    "direction": TextField(lambda exchange: (exchange.direction,)),
    "route": TextField(lambda exchange: (exchange.route,)),
    "cluster": TextField(lambda exchange: (exchange.cluster,)),
    "flags": TextField(
        lambda exchange: (*exchange.flags, *filter(None, map(in_words, exchange.flags)))
    ),
    "id": TextField(lambda exchange: (exchange.id,)),
    "request_id": TextField(lambda exchange: (exchange.request_id,)),
    "trace": TextField(lambda exchange: (context(exchange).trace_id,)),
}


def _flags(flags: tuple[str, ...]) -> tuple[str, ...]:
    """Envoy's letters, and what they mean: ``UO`` and ``circuit breaker open``."""
    return (*flags, *filter(None, map(in_words, flags)))


def bare(name: str) -> Term:
    """mitmproxy's operators that take no value."""
    return Term(BARE[name], None if name == "~all" else Atom(name, "", ""))


def find(name: str, value: str) -> Term:
    """mitmproxy's ``~name value``."""
    if name == "~c":
        status = whole_number(value)
        return Term(lambda exchange: _has_status(exchange, status), Atom("status", "==", status))
    pattern, read = regex(value), _READ[name]

    def holds(exchange: Exchange) -> bool:
        return any(pattern.search(one(exchange)) for one in read)

    return Term(holds, Atom(name, "", value), name in _BODIES, name in _MESSAGES)


def _has_status(exchange: Exchange, status: float) -> bool:
    return exchange.response is not None and exchange.response.status == status


def header(name: str) -> TextField:
    """The values of a header, of the request and of the response."""
    return TextField(
        lambda exchange: (
            *exchange.request.headers.get_all(name),
            *(exchange.response.headers.get_all(name) if exchange.response else ()),
        )
    )


def compare(name: str, sign: str, value: str) -> Term:
    """``name sign value``. Raises KeyError for an unknown field."""
    field = FIELDS[name]
    if isinstance(field, NumberField):
        holds, wanted = _compare_number(field, sign, value)
        return Term(holds, Atom(name, sign, wanted))
    return Term(_compare_text(field.read, sign, value), Atom(name, sign, value))


def compare_header(name: str, sign: str, value: str) -> Term:
    """``header name sign value``."""
    implied = Atom(f"header {name.lower()}", sign, value)
    return Term(_compare_text(header(name).read, sign, value), implied, message=True)


def _compare_number(field: NumberField, sign: str, value: str) -> tuple[Predicate, float]:
    if sign not in _ORDER:
        raise SignError(f"a number has no {sign}, expected one of {' '.join(_ORDER)}")
    holds, read, wanted = _ORDER[sign], field.read, field.parse(value)

    def predicate(exchange: Exchange) -> bool:
        found = read(exchange)
        return sign == "!=" if found is None else holds(found, wanted)

    return predicate, wanted


def _compare_text(read: Texts, sign: str, value: str) -> Predicate:
    if sign in ("==", "!="):
        return lambda exchange: (value in read(exchange)) == (sign == "==")
    if sign not in ("~", "!~"):
        raise SignError(f"text has no {sign}, expected one of == != ~ !~")
    pattern = regex(value)
    return lambda exchange: any(map(pattern.search, read(exchange))) == (sign == "~")
