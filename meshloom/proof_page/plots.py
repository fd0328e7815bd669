"""Plots of what was seen: a number against what it may be, and requests by their times."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from meshloom.proof_page.text import number, safe, seconds
from mini_mesh.proving.record import Point, Record
from mini_mesh.proving.verdict import Measured

BAR, THICK = 180, 14  # pixels
WIDE, HIGH, LEFT, LOW, TOP = 760, 190, 52, 26, 30
BINS = 40

Scale = Callable[[float], float]


def bar(measured: Measured) -> str:
    """Where a number lies, and between which it may."""
    finite = [v for v in (measured.value, measured.low, measured.high) if math.isfinite(v)]
    end = max([*finite, 0.0]) * 1.15 or 1.0
    first = min([*finite, 0.0])

    def at(value: float) -> float:
        return max(0.0, min(1.0, (value - first) / (end - first))) * BAR

    low, high = at(measured.low), at(measured.high)
    inside = measured.low - 1e-9 <= measured.value <= measured.high + 1e-9
    says = f"{number(measured.value)}, allowed {number(measured.low)} to {number(measured.high)}"
    return (
        f'<svg class="bar {"good" if inside else "bad"}" width="{BAR}" height="{THICK}" role="img" '
        f'aria-label="{says}"><title>{says}</title>'
        f'<rect class="track" y="5" width="{BAR}" height="4"/>'
        f'<rect class="allowed" x="{low:.1f}" y="2" width="{max(2.0, high - low):.1f}" '
        'height="10"/>'
        f'<rect class="seen" x="{min(BAR - 3.0, max(0.0, at(measured.value) - 1.5)):.1f}" '
        f'width="3" height="{THICK}"/></svg>'
    )


def timeline(record: Record) -> str:
    """Each request when it began, and how long it took; what happened meanwhile."""
    last = max(
        [*(each.at for each in record.points), *(each.end for each in record.happened), 0.001]
    )
    slowest = max([each.seconds for each in record.points], default=0.0) or 0.001
    x, y = _across(last), _up(slowest)
    parts = [
        *_happened(record, x),
        *_dots(record.points, x, y),
        *_axes(last, slowest, x, y, seconds),
    ]
    return _plot("how long each request took, by when it began", parts)


def _happened(record: Record, x: Scale) -> Iterator[str]:
    for i, each in enumerate(record.happened):
        start, width = x(each.start), max(2.0, x(each.end) - x(each.start))
        row = 10 + 11 * (i % 2)
        anchor = "end" if start > WIDE * 0.6 else "start"
        yield (
            f'<g class="happened"><title>{safe(each.what)}: {each.start:.2f} s to {each.end:.2f} s'
            f'</title><rect x="{start:.1f}" y="{TOP}" width="{width:.1f}" '
            f'height="{HIGH - TOP - LOW}"/><text x="{start:.1f}" y="{row}" text-anchor="{anchor}">'
            f"{safe(each.what, 40)}</text></g>"
        )


def _dots(points: Iterable[Point], x: Scale, y: Scale) -> Iterator[str]:
    kinds: dict[str, list[str]] = {"good": [], "bad": [], "none": []}
    for each in points:
        kinds[_kind(each.status)].append(f"M{x(each.at):.1f} {y(each.seconds):.1f}h0")
    for kind, ways in kinds.items():
        if ways:
            yield f'<path class="dots {kind}" d="{"".join(ways)}"/>'


def _kind(status: int) -> str:
    """As gRPC and HTTP count: 0 and what is below 400 are good."""
    if status < 0:
        return "none"
    return "good" if status == 0 or 100 <= status < 400 else "bad"


def distribution(record: Record, allowed: Sequence[tuple[float, float]]) -> str:
    """How many requests took how long; between which they may."""
    times = [each.seconds for each in record.points]
    limits = [edge for pair in allowed for edge in pair if math.isfinite(edge)]
    longest = max([*times, *limits, 0.0001]) * 1.02
    counts = [0] * BINS
    for each in times:
        counts[min(BINS - 1, max(0, int(each / longest * BINS)))] += 1
    x, y = _across(longest), _up(max(counts))
    step = (WIDE - LEFT - 4) / BINS
    bars = (
        f'<rect x="{x(i * longest / BINS):.1f}" y="{y(count):.1f}" width="{step - 1:.1f}" '
        f'height="{y(0) - y(count):.1f}"><title>{count}</title></rect>'
        for i, count in enumerate(counts)
        if count
    )
    lines = (
        f'<path class="limit" d="M{x(edge):.1f} {TOP}V{HIGH - LOW}"/>'
        for edge in dict.fromkeys(limits)
    )
    parts = [f'<g class="bins">{"".join(bars)}</g>', *lines]
    return _plot(
        "how many requests took how long", [*parts, *_axes(longest, max(counts), x, y, number)]
    )


def _across(most: float) -> Scale:
    return lambda value: LEFT + value / most * (WIDE - LEFT - 4)


def _up(most: float) -> Scale:
    return lambda value: HIGH - LOW - value / (most or 1) * (HIGH - LOW - TOP)


def _axes(
    last: float, most: float, x: Scale, y: Scale, says: Callable[[float], str]
) -> Iterator[str]:
    yield f'<path class="axis" d="M{LEFT} {TOP}V{HIGH - LOW}H{WIDE - 4}"/>'
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        anchor = "end" if part == 1 else "middle"
        yield (
            f'<text class="tick" x="{x(last * part):.1f}" y="{HIGH - 8}" text-anchor="{anchor}">'
            f"{seconds(last * part)}</text>"
        )
    for part in (0.0, 0.5, 1.0):
        yield (
            f'<text class="tick" x="{LEFT - 5}" y="{y(most * part) + 4:.1f}" text-anchor="end">'
            f"{says(most * part)}</text>"
        )


def _plot(says: str, parts: Iterable[str]) -> str:
    return (
        f'<figure><figcaption>{safe(says)}</figcaption><svg class="plot" role="img" '
        f'viewBox="0 0 {WIDE} {HIGH}" aria-label="{safe(says)}">{"".join(parts)}</svg></figure>'
    )
