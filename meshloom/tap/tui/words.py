"""Text in its parts, each with a role (``look.ROLES``), made safe and cut to fit a cell."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from mesh_traffic import Exchange
from tap.lines import printable

Part = tuple[str, str]  # text, role
Line = tuple[Part, ...]

MAX_PER_CELL = 4  # characters that one cell of the screen may take, accents among them


def fitting(text: str, width: int, right: bool = False) -> str:
    """``text`` in exactly ``width`` cells; what is too long ends with an ellipsis."""
    if width <= 0:
        return ""
    cut = printable(text[: MAX_PER_CELL * width])
    wide = cell_len(cut)
    if wide > width or len(text) > MAX_PER_CELL * width:
        return set_cell_size(cut, width - 1) + "…"
    return " " * (width - wide) + cut if right else cut + " " * (width - wide)


def status_role(exchange: Exchange) -> str:
    """A failure is loud, all is well is not."""
    status = exchange.status
    if status is None or status >= 500 or status < 100:
        return "failed"
    if status >= 400:
        return "refused"
    return "moved" if 300 <= status < 400 else ""


def caret(why: str, column: int, width: int) -> str:
    """A line below an expression: ``^`` at ``column`` of it and the reason beside it."""
    column = max(0, min(column, width - 1))
    if column + 2 + cell_len(why) <= width:
        return f"{' ' * column}^ {why}"
    if cell_len(why) + 1 <= column:
        return f"{why} ^".rjust(column + 1)
    return fitting(f"^ {why}", width)
