"""The list's columns: what each cell says, how wide it is, which one goes when room is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from mesh_traffic import Exchange
from meshloom.tap.tui.words import Line, fitting, status_role
from tap.flags import in_words
from tap.lines import NO_RESPONSE, milliseconds, route

GAP = 2  # cells between columns
FALLS, RISES = "▾", "▴"


@dataclass(frozen=True, slots=True)
class Column:
    """``width`` in cells at least, ``share`` of the room that is left.

    Where room is short the one with the highest ``goes`` goes first; 0 always stays.

    ``order`` is what a click on its heading sorts by (``listing.ORDERS``).
    """

    heading: str
    read: Callable[[Exchange, tzinfo | None], str]
    width: int
    share: int = 0
    right: bool = False
    goes: int = 0
    order: str = ""
    role: Callable[[Exchange], str] = lambda exchange: ""


def _time(exchange: Exchange, zone: tzinfo | None) -> str:
    try:
        return f"{datetime.fromtimestamp(exchange.started, zone):%H:%M:%S.%f}"[:-3]
    except (ValueError, OverflowError, OSError):
        return "?"


def _size(exchange: Exchange, zone: tzinfo | None) -> str:
    """Of the response's body: ``847 B``, ``1.2 k``, ``3.4 M``."""
    size = exchange.response.body.size if exchange.response else None
    if size is None:
        return "–"
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} k" if size < 1_000_000 else f"{size / 1e6:,.1f} M"


def _told(exchange: Exchange, zone: tzinfo | None) -> str:
    tries = (f"{exchange.attempts} tries",) if exchange.attempts > 1 else ()
    return "  ".join((*tries, *(f"{flag} {in_words(flag)}".strip() for flag in exchange.flags)))


COLUMNS = (
    Column("time", _time, 12, goes=2, order="time", role=lambda exchange: "quiet"),
    Column("from → to", lambda exchange, zone: route(exchange), 27, 3, order="from → to"),
    Column("", lambda exchange, zone: exchange.request.method, 6, goes=1),
    Column("path", lambda exchange, zone: exchange.request.path, 12, 4, order="path"),
    Column(
        "status",
        lambda exchange, zone: str(exchange.response.status if exchange.response else NO_RESPONSE),
        6,
        right=True,
        order="status",
        role=status_role,
    ),
    Column(
        "took", lambda exchange, zone: milliseconds(exchange.duration), 9, right=True, order="took"
    ),
    Column("size", _size, 8, right=True, goes=4, order="size", role=lambda exchange: "quiet"),
    Column("", _told, 14, 3, goes=3, role=lambda exchange: "told"),
)
Layout = Sequence[tuple[Column, int]]


def layout(width: int) -> Layout:
    """The columns that have room in ``width`` cells, each with how many it gets."""
    shown = list(COLUMNS)
    for column in sorted(COLUMNS, key=lambda column: column.goes, reverse=True):
        if column.goes and _least(shown) > width:
            shown.remove(column)
    left = max(0, width - _least(shown))
    shares = sum(column.share for column in shown)
    return [(column, column.width + left * column.share // shares) for column in shown]


def _least(columns: Sequence[Column]) -> int:
    return sum(column.width + GAP for column in columns) - GAP


def cells(exchange: Exchange, columns: Layout, zone: tzinfo | None = None) -> Line:
    """One row. What is captured is safe to show, and never wider than its cell."""
    return tuple(
        part
        for column, width in columns
        for part in (
            (fitting(column.read(exchange, zone), width, column.right), column.role(exchange)),
            (" " * GAP, ""),
        )
    )


def headings(columns: Layout, order: str, falling: bool) -> Line:
    """The row above, with a mark at what it is ordered by."""
    marks = {order: FALLS if falling else RISES}
    return tuple(
        (
            fitting(_marked(column, marks), width, column.right) + " " * GAP,
            "strong" if column.order == order else "quiet",
        )
        for column, width in columns
    )


def _marked(column: Column, marks: dict[str, str]) -> str:
    return f"{column.heading} {marks.get(column.order, '')}".strip() if column.order else ""


def order_at(columns: Layout, x: int) -> str:
    """What a click so many cells from the left sorts by; "" for nothing."""
    for column, width in columns:
        if x < width + GAP:
            return column.order
        x -= width + GAP
    return ""
