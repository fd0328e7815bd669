"""The trace context that a request carries: who sent it, as a tracer knows it. Pure.

Sources: W3C Trace Context, section 3.2 ("Traceparent Header"); B3 Propagation ("Single Header",
"Multiple Headers"), whose trace ids of 64 bits are filled up with zeros on the left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mesh_traffic import Exchange, Trace

# What an access log has to name, so that a request's context is known without a tap.
HEADERS = ("traceparent", "b3", "x-b3-traceid", "x-b3-spanid")
NONE = Trace()

_W3C = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_B3 = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-[01d](?:-[0-9a-f]{16})?)?")
_B3_MANY = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})")
_NAMES = frozenset(HEADERS)


def context(exchange: Exchange) -> Trace:
    """What is known of an exchange's trace: by a tracer, or by the header that its request has.

    Such a header names the span that sent it; at an Envoy which traces, it may be the Envoy's own.
    """
    known = exchange.trace
    return known if known.trace_id else carried(exchange.request.headers.fields)


def carried(fields: Iterable[tuple[str, str]]) -> Trace:
    """The context in a request's headers, with its span as the parent; W3C's before B3's."""
    found = {field[0]: field[1] for field in fields if field[0] in _NAMES}
    return _read(found) if found else NONE


def _read(found: Mapping[str, str]) -> Trace:
    told = (
        (_W3C, found.get("traceparent", "")),
        (_B3, found.get("b3", "")),
        (_B3_MANY, f"{found.get('x-b3-traceid', '')}-{found.get('x-b3-spanid', '')}"),
    )
    for pattern, text in told:
        if (met := pattern.fullmatch(text.strip().lower())) is not None:
            trace_id, span_id = met[1].zfill(32), met[2]
            if trace_id.strip("0") and span_id.strip("0"):
                return Trace(trace_id, "", span_id)
    return NONE
