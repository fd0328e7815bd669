"""Exchanges → a table of routes: how many a second, how many failed, how long they took. Sans-IO.

A row is what one caller asks of one callee by one route. Rates and percentiles are of the last
``WINDOW`` seconds, totals of all the time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from mesh_traffic import Exchange
from tap.lines import milliseconds

WINDOW = 10.0  # seconds
MAX_ROWS = 1_000  # beyond it what is new counts to the row OTHERS
MAX_KEPT = 10_000  # exchanges of one row in the window; beyond it the oldest leave it early
MAX_FLAGS = 40  # kinds of flags of one row: Envoy has fewer

Key = tuple[str, str, str]
OTHERS: Key = ("", "", "(other routes)")


@dataclass(frozen=True, slots=True)
class Row:
    """What is shown of one route. ``rate`` is per second, ``failed`` the share of the window's
    that had no response or one of 5xx; ``p50`` and ``p99`` are seconds, None without any."""

    source: str
    destination: str
    route: str
    total: int
    rate: float
    failed: float
    p50: float | None
    p99: float | None
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class _Route:
    total: int = 0
    recent: deque[tuple[float, float | None, bool]] = field(
        default_factory=lambda: deque(maxlen=MAX_KEPT)
    )
    flags: Counter[str] = field(default_factory=Counter)


class Top:
    """``add`` what comes, and ask for ``rows`` whenever the screen is drawn."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._routes: dict[Key, _Route] = {}

    def add(self, exchange: Exchange, now: float) -> None:
        """``now``: when it came, in seconds of the clock that ``rows`` is asked with."""
        key = _key(exchange)
        if key not in self._routes and len(self._routes) >= MAX_ROWS:
            key = OTHERS
        route = self._routes.setdefault(key, _Route())
        route.total += 1
        route.recent.append((now, exchange.duration, _has_failed(exchange)))
        if len(route.flags) < MAX_FLAGS:
            route.flags.update(exchange.flags)

    def rows(self, now: float) -> list[Row]:
        """The busiest first; where nothing happened in the window, those with most in all."""
        seconds = min(WINDOW, max(now - self._began, 1.0))
        found = [_row(key, route, now, seconds) for key, route in self._routes.items()]
        return sorted(found, key=lambda row: (-row.rate, -row.total, row.source, row.destination))


def _key(exchange: Exchange) -> Key:
    source = f"{exchange.source.service} {exchange.source.version}".strip()
    return (source or exchange.direction, str(exchange.destination), _route(exchange))


def _route(exchange: Exchange) -> str:
    """The route's name; without one, the method and the first part of the path."""
    if exchange.route:
        return exchange.route
    first = exchange.request.path.partition("?")[0].split("/")[1:2]
    return f"{exchange.request.method} /{''.join(first)}".strip()


def _has_failed(exchange: Exchange) -> bool:
    return exchange.response is None or exchange.response.status >= 500


def _row(key: Key, route: _Route, now: float, seconds: float) -> Row:
    recent = route.recent
    while recent and recent[0][0] <= now - WINDOW:
        recent.popleft()
    durations = sorted(each for _, each, _ in recent if each is not None)
    failed = sum(one for _, _, one in recent)
    return Row(
        *key,
        total=route.total,
        rate=len(recent) / seconds,
        failed=failed / len(recent) if recent else 0.0,
        p50=percentile(durations, 0.50),
        p99=percentile(durations, 0.99),
        flags=tuple(flag for flag, _ in route.flags.most_common(3)),
    )


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least ``share`` of them do not exceed (nearest rank)."""
    if not ordered:
        return None
    rank = max(1, -(-len(ordered) * round(share * 100) // 100))
    return ordered[rank - 1]


def lines(rows: Iterable[Row]) -> list[tuple[str, ...]]:
    """The cells of each row, as they are shown, below ``HEADINGS``."""
    return [
        (
            f"{row.source} → {row.destination}" if row.destination else "",
            row.route,
            f"{row.rate:,.1f}",
            f"{row.failed:.1%}" if row.rate else "–",
            milliseconds(row.p50),
            milliseconds(row.p99),
            f"{row.total:,}",
            " ".join(row.flags),
        )
        for row in rows
    ]


HEADINGS = ("FROM → TO", "ROUTE", "RPS", "FAILED", "P50", "P99", "TOTAL", "FLAGS")
