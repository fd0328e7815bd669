"""Text of anybody, as it may stand in the page."""

from __future__ import annotations

import html

MAX_TEXT = 4000  # characters of one text; the rest is cut off


def safe(text: object, most: int = MAX_TEXT) -> str:
    """Escaped for content and for attributes in quotes; control characters become U+FFFD."""
    shown = "".join(
        c if c.isprintable() or c in "\n\t" else "\ufffd" for c in str(text)[: most + 1]
    )
    return html.escape(shown if len(shown) <= most else f"{shown[:most]}…", quote=True)


def number(value: float) -> str:
    """Short, for a label."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def seconds(value: float) -> str:
    """Short, in seconds or milliseconds."""
    return f"{number(value)} s" if value >= 1 or value == 0 else f"{number(value * 1000)} ms"
