"""What becomes of a question to a rate limit service: what is to be counted, and then the verdict.

Fixed windows, as https://github.com/envoyproxy/ratelimit has them: a minute is one of the clock's.
Whoever asks for several descriptors gets through if none of them is over its limit. Nothing here
counts or knows the time: ``ask`` says what to count, ``decide`` what the counts mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mesh_patterns.rate_limits.rate import SECONDS
from mesh_patterns.rate_limits.rules import Entries, Limit, Rules

UNLIMITED = 2**32 - 1  # what is left where there is no limit


class Descriptor(NamedTuple):
    """``hits`` is how much it counts, and 0 only asks; ``override`` is the asker's own limit."""

    entries: Entries
    hits: int = 1
    override: Limit | None = None


class Count(NamedTuple):
    """``hits`` more of ``key``, which is forgotten after so many ``seconds``."""

    key: str
    seconds: int
    hits: int


class Asked(NamedTuple):
    """A descriptor, its limit if it has one, and what is to be counted for it."""

    descriptor: Descriptor
    limit: Limit | None
    adds: Count | None


class Status(NamedTuple):
    """Of one descriptor. ``over`` is false for a limit in shadow, ``exceeded`` is not."""

    over: bool
    exceeded: bool
    limit: Limit | None
    remaining: int
    reset: int  # seconds until the window ends


def ask(rules: Rules, domain: str, descriptors: Sequence[Descriptor], now: float) -> list[Asked]:
    """What has to be counted before ``decide`` can answer; ``now`` in seconds since 1970."""
    found = [each.override or rules.limit(domain, each.entries) for each in descriptors]
    replaced = {name for limit in found if limit is not None for name in limit.replaces}
    asked = []
    for each, limit in zip(descriptors, found, strict=True):
        if limit is not None and replaced and limit.name in replaced:
            limit = None
        count = None
        if limit is not None and not limit.unlimited:
            seconds = SECONDS[limit.unit]
            window = int(now) // seconds * seconds
            count = Count(_key(domain, each.entries, limit.unit, window), seconds, each.hits)
        asked.append(Asked(each, limit, count))
    return asked


def _key(domain: str, entries: Entries, unit: str, window: int) -> str:
    """A name for each window of each descriptor: lengths keep values apart whatever they hold."""
    said = [f"{len(domain)}:{domain}"]
    said += [f"{len(key)}:{key}{len(value)}:{value}" for key, value in entries]
    return f"{''.join(said)}/{unit}/{window}"


def decide(asked: Sequence[Asked], counted: Sequence[int], now: float) -> list[Status]:
    """What the counts mean: ``counted`` are those of the ``asked`` that have a ``adds``, with what
    was added, in their order.
    """
    counts = iter(counted)
    return [_status(each, next(counts) if each.adds else 0, now) for each in asked]


def _status(asked: Asked, count: int, now: float) -> Status:
    limit = asked.limit
    if limit is None:
        return Status(False, False, None, 0, 0)
    if limit.unlimited:
        return Status(False, False, limit, UNLIMITED, 0)
    seconds = SECONDS[limit.unit]
    exceeded = count > limit.requests
    return Status(
        exceeded and not limit.shadow,
        exceeded,
        limit,
        max(0, limit.requests - count),
        seconds - int(now) % seconds,
    )
