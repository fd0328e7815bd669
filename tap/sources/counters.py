"""The door to what an Envoy itself counts of its captures. Source: Envoy's admin ``/stats``."""

from __future__ import annotations

import json
from dataclasses import dataclass

import aiohttp

ANSWER_WITHIN = 2.0  # seconds
MAX_ANSWER = 1 << 20  # bytes; a listener has three of these counters
_QUERY = {
    "format": "json",
    "filter": r"^access_logs\.grpc_access_log\.logs_written$|\.tap\.rq_(tapped|sampled_out)$"
    r"|^transport\.tap\..*(buffered|streamed)_submit$"
    r"|\.ext_proc\.meshloom\.streams_started$"
    r"|^cluster\.meshloom.ext_proc\.upstream_rq_(active|pending)_overflow$",
}


@dataclass(frozen=True, slots=True)
class Counters:
    """Since the Envoy started: ``written`` entries of access logs, ``tapped`` requests whose trace
    went to a tap, and pieces of connections, ``sampled_out`` requests that its tap left out;
    ``processed`` those that it began to
    tell of by ext_proc, or would have, had its circuit breaker let it.

    (ext_proc's ``failure_mode_allowed`` counts some of either: a stream that the breaker stopped,
    and one that began and broke off. One that waited for a connection and was stopped then is
    counted twice here; connections stay, so those are the first few.)
    """

    written: int = 0
    tapped: int = 0
    sampled_out: int = 0
    processed: int = 0


async def counters(session: aiohttp.ClientSession, admin: str) -> Counters | None:
    """The counters of the Envoy whose admin interface is ``admin``; None if it does not answer."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
    try:
        async with session.get(f"http://{admin}/stats", params=_QUERY, timeout=timeout) as answer:
            return of_json(await answer.content.read(MAX_ANSWER))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return None


def of_json(text: bytes) -> Counters:
    """The sums over all listeners. ValueError if this is no answer of ``/stats``."""
    try:
        found = [(str(one["name"]), int(one["value"])) for one in json.loads(text)["stats"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no stats: {error}") from error

    def of(*endings: str) -> int:
        return sum(value for name, value in found if name.endswith(endings))

    tapped = of("tap.rq_tapped") + of("buffered_submit") + of("streamed_submit")
    return Counters(
        of("logs_written"),
        tapped,
        of("tap.rq_sampled_out"),
        of("ext_proc.meshloom.streams_started", "_overflow"),
    )
