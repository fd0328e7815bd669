"""Everything of one exchange, as lines for the detail pane."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from rich.cells import cell_len

from mesh_traffic import Exchange, Headers, Request, Response
from meshloom.tap.tui.bars import bars
from meshloom.tap.tui.bodies import body
from meshloom.tap.tui.words import Line, fitting, status_role
from tap.access_log import SOURCE as LOG
from tap.content import Schema, Side
from tap.flags import in_words
from tap.lines import NO_RESPONSE, milliseconds, printable, route

MAX_FIELDS = 500  # of each header list
MAX_VALUE = 4_000  # characters of a path, a header or another value
NAMES = 12  # cells of the facts' names
_EMPTY: Line = ()


def details(
    exchange: Exchange, width: int, zone: tzinfo | None = None, schema: Schema | None = None
) -> Iterator[Line]:
    """For a pane of ``width`` cells; times in ``zone``, by default the machine's.

    Bodies take milliseconds to decode, hostile ones up to a second.
    """
    yield from _head(exchange)
    yield _EMPTY
    yield from _in_columns(_facts(exchange, zone), width)
    if timing := list(bars(exchange, width)):
        yield _EMPTY
        yield from timing
    yield _EMPTY
    yield from _message(exchange, "request", exchange.request, schema)
    yield _EMPTY
    if exchange.response is None:
        yield (("no response was seen", "quiet"),)
    else:
        yield from _message(exchange, "response", exchange.response, schema)


def _head(exchange: Exchange) -> Iterator[Line]:
    request, response = exchange.request, exchange.response
    asked = f"{request.method} {request.path}".strip() or "no HTTP request"
    status = str(response.status) if response else NO_RESPONSE
    role = status_role(exchange)
    yield (
        (_shown(asked), "strong"),
        (f"   {status}", role or "strong"),
        (f"   {milliseconds(exchange.duration)}", ""),
    )
    for flag in exchange.flags:
        yield ((_shown(f"{flag} {in_words(flag)}".strip()), "told"),)


def _facts(exchange: Exchange, zone: tzinfo | None) -> dict[str, str]:
    side = f" ({exchange.direction})" if exchange.direction else ""
    tries = f"{exchange.attempts:,}" if exchange.attempts else ""
    return {
        "from → to": route(exchange),
        "at": f"{_moment(exchange.started, zone)}, by {exchange.node}{side}",
        "host": exchange.request.authority,
        "route": exchange.route,
        "cluster": exchange.cluster,
        "endpoint": exchange.destination.address,
        "client": exchange.source.address,
        "tries": tries,
        "details": exchange.details,
        "request id": exchange.request_id,
        "id": exchange.id,
        "seen by": ", ".join(exchange.sources),
    }


def _in_columns(facts: dict[str, str], width: int) -> Iterator[Line]:
    """Two beside each other where both are short enough."""
    half = width // 2
    waiting: Line = _EMPTY
    for name, value in ((name, _shown(value)) for name, value in facts.items() if value):
        label = (f"{name:<{NAMES}}", "quiet")
        fits = NAMES + cell_len(value) + 2 <= half
        if waiting:
            yield (*waiting, label, (value, "")) if fits else waiting
        if not fits:
            yield label, (value, "")
        waiting = (label, (fitting(value, half - NAMES), "")) if fits and not waiting else _EMPTY
    if waiting:
        yield waiting


def _moment(seconds: float, zone: tzinfo | None) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    except (ValueError, OverflowError, OSError):
        return "a time that no calendar has"


def _is_summary(exchange: Exchange) -> bool:
    """Whether only the access log told of it."""
    return exchange.sources == (LOG,)


def _message(
    exchange: Exchange, side: Side, message: Request | Response, schema: Schema | None
) -> Iterator[Line]:
    yield ((side, "strong"),)
    if _is_summary(exchange) and not message.headers:
        yield (("headers and bodies were not seen, only the access log tells of it", "quiet"),)
        return
    yield from _fields(message.headers)
    yield from body(exchange, side, schema)
    if message.trailers:
        yield (("trailers", "quiet"),)
        yield from _fields(message.trailers)


def _fields(headers: Headers) -> Iterator[Line]:
    for name, value in headers.fields[:MAX_FIELDS]:
        yield (f"{_shown(name)}: ", "rule"), (_shown(value), "")
    if len(headers) > MAX_FIELDS:
        yield ((f"… {len(headers) - MAX_FIELDS:,} more", "quiet"),)


def _shown(text: str) -> str:
    if len(text) <= MAX_VALUE:
        return printable(text)
    return f"{printable(text[:MAX_VALUE])} … {len(text) - MAX_VALUE:,} more characters"
