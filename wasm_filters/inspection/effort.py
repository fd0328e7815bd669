"""How much work a module can be for a compiler, as far as its bytes say it."""

from __future__ import annotations

import math

from wasm_filters.engine.apart import Bounds
from wasm_filters.inspection.interface import types
from wasm_filters.inspection.sections import SectionsError, sections

SMALL = 4096  # bytes
WIDE = 16  # values; a hostcall has 12 arguments at most


def bounds(code: bytes) -> Bounds | None:
    """What it may take to compile ``code``; None where it takes 3 s and 1 GiB at most anyway.

    One instruction hands over as many values as a type has, and a compiler looks at each. So small
    is what has few bytes and no wide types; the worst that was found of it are many functions with
    50,000 variables each, and nested blocks.
    """
    return None if len(code) <= SMALL and _widest(code) <= WIDE else Bounds.of(code)


def _widest(code: bytes) -> float:
    """The most values that a type has; infinite where that can't be told."""
    try:
        found = [one for part in sections(code) if part.id == 1 for one in types(code, part)]
    except SectionsError:
        return math.inf
    widths = [max(len(one.params), len(one.results)) if one else math.inf for one in found]
    return max(widths, default=0)
