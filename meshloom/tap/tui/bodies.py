"""A body for the detail pane: as text, a bounded part of it."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_traffic import Body
from meshloom.tap.tui.words import Line
from tap.lines import printable

MAX_SHOWN = 64 * 1024  # bytes of a body, from its start
MAX_LINES = 2_000
MAX_LINE = 4_000  # characters


def body(body: Body) -> Iterator[Line]:
    """What there is of it, and what there is not."""
    if not body:
        yield ((_nothing(body), "quiet"),)
        return
    if not body.data:
        yield ((f"body not captured, {_size(body)}", "quiet"),)
        return
    kept = f"{len(body.data):,} of {_size(body)}" if body.truncated else _size(body)
    yield ((f"body, {kept}", "quiet"),)
    lines = body.data[:MAX_SHOWN].decode("utf-8", "replace").splitlines()
    for one in lines[:MAX_LINES]:
        yield from _line(one)
    if len(body.data) > MAX_SHOWN or len(lines) > MAX_LINES:
        yield (("… the rest is not shown here", "quiet"),)


def _line(text: str) -> Iterator[Line]:
    yield ((printable(text[:MAX_LINE].expandtabs(4)), ""),)
    if len(text) > MAX_LINE:
        yield ((f"… {len(text) - MAX_LINE:,} more characters in this line", "quiet"),)


def _nothing(body: Body) -> str:
    return "no body" if body.size == 0 else "no body captured"


def _size(body: Body) -> str:
    return "? bytes" if body.size is None else f"{body.size:,} bytes"
