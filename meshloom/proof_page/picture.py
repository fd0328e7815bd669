"""The mesh as a picture: its services and versions, who calls whom, which pattern is where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mesh_patterns.draft import Draft
from mesh_patterns.model import CLIENT, INGRESS
from mesh_patterns.selector import ANY, is_edge
from meshloom.proof_page.layout import bend, layers
from meshloom.proof_page.text import safe

MAX_SERVICES = 100  # a mesh of more is not drawn
MAX_CALLS = 300
MAX_CHIPS = 6  # patterns that are named at one place
WIDE, LINE, GAP_X, GAP_Y, PAD = 168, 17, 92, 26, 8  # pixels
LONGEST = 24  # characters of a name


@dataclass(slots=True)
class Box:
    """A service, or who stands for the outside. ``lines`` are shown below its name."""

    name: str
    lines: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    x: float = 0
    y: float = 0
    is_bend: bool = False  # of an edge that leads past a layer

    @property
    def height(self) -> int:
        if self.is_bend:
            return LINE
        return PAD * 2 + LINE * (1 + len(self.lines) + min(len(self.patterns), MAX_CHIPS + 1))


def picture(draft: Draft) -> str:
    """An SVG, and in words what is not in it."""
    edges = list(_edges(draft))
    boxes = {box.name: box for box in _boxes(draft, edges)}
    if len(boxes) > MAX_SERVICES:
        return (
            f"<p>{len(draft.mesh.services):,} services: more than {MAX_SERVICES} are not drawn</p>"
        )
    if len(edges) > MAX_CALLS:
        return f"<p>{len(edges):,} calls: more than {MAX_CALLS} are not drawn</p>"
    on_edges, everywhere = _place_patterns(draft, boxes)
    services = list(boxes.values())
    columns = layers(list(boxes), edges)
    width, height = _put(boxes, columns)
    ways = {(a, b): [boxes[each] for each in _way(a, b, boxes, len(columns))] for a, b in edges}
    drawn = [*map(_edge, ways.values()), *map(_box, services)]
    drawn += [_labels(ways[edge], names) for edge, names in on_edges.items() if edge in ways]
    svg = (
        f'<svg class="mesh" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="the mesh"><defs><marker id="tip" viewBox="0 0 8 8" refX="8" '
        'refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/>'
        f"</marker></defs>{''.join(drawn)}</svg>"
    )
    return f"<div class=wide>{svg}</div>{_words('everywhere', everywhere)}"


def _edges(draft: Draft) -> Iterator[tuple[str, str]]:
    """Who calls whom; the client calls all, and counts where a claim says that it does."""
    mesh = draft.mesh
    asked = {claim.to for claim in mesh.claims if claim.caller(mesh) == CLIENT}
    for caller, callee in draft.edges:
        if caller != CLIENT or callee in asked:
            yield caller, callee


def _boxes(draft: Draft, edges: Sequence[tuple[str, str]]) -> Iterator[Box]:
    callers = {caller for caller, _ in edges}
    yield from (Box(name) for name in (CLIENT, INGRESS) if name in callers)
    for service in draft.mesh.services.values():
        versions = [version.name for version in service.versions if version.name]
        lines = [service.protocol] if service.protocol != "http" else []
        yield Box(service.name, [*lines, *([", ".join(versions)] if versions else [])])


def _place_patterns(
    draft: Draft, boxes: dict[str, Box]
) -> tuple[dict[tuple[str, str], list[str]], list[str]]:
    """At the boxes; at edges; and those that stand everywhere, or where the picture has nobody."""
    on_edges: dict[tuple[str, str], list[str]] = {}
    everywhere: list[str] = []
    for spec in draft.mesh.patterns:
        on = str(getattr(spec, "on", ANY))
        caller, _, callee = (part.strip() for part in on.rpartition("->"))
        service, _, version = callee.partition("/")
        named = f"{spec.pattern} ({version})" if version else spec.pattern
        if is_edge(on) and caller in boxes and callee in boxes:
            on_edges.setdefault((caller, callee), []).append(named)
        elif not is_edge(on) and service in boxes:
            boxes[service].patterns.append(named)
        else:
            everywhere.append(spec.pattern if on == ANY else f"{spec.pattern} on {on}")
    return on_edges, everywhere


def _put(boxes: dict[str, Box], columns: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Give each box its place, and bends, too; the width and height of all."""
    for name in (name for column in columns for name in column if name not in boxes):
        boxes[name] = Box(name, is_bend=True)
    heights = [sum(boxes[name].height + GAP_Y for name in column) for column in columns]
    most = max(heights, default=0)
    for i, column in enumerate(columns):
        y = GAP_Y / 2 + (most - heights[i]) / 2
        for name in column:
            boxes[name].x, boxes[name].y = PAD + i * (WIDE + GAP_X), y
            y += boxes[name].height + GAP_Y
    return len(columns) * (WIDE + GAP_X) - GAP_X + PAD * 2, most + PAD


def _way(caller: str, callee: str, boxes: Mapping[str, Box], layers: int) -> Iterator[str]:
    """An edge's ends, and its bends between them."""
    bends = (bend(caller, callee, layer) for layer in range(layers))
    yield from (caller, *(name for name in bends if name in boxes), callee)


def _box(box: Box) -> str:
    outside = " outside" if box.name in (CLIENT, INGRESS) else ""
    shown = [(box.name, "name"), *((line, "") for line in box.lines)]
    shown += [(name, "pattern") for name in _few(box.patterns)]
    texts = "".join(
        f'<text x="{box.x + PAD}" y="{box.y + PAD + LINE * (i + 0.8):g}" class="{kind}">'
        f"{safe(text, LONGEST)}</text>"
        for i, (text, kind) in enumerate(shown)
    )
    title = f"<title>{safe(' · '.join(text for text, _ in shown))}</title>"
    frame = f'<rect x="{box.x}" y="{box.y:g}" width="{WIDE}" height="{box.height}" rx="5"/>'
    return f'<g class="service{outside}">{title}{frame}{texts}</g>'


def _few(names: Sequence[str]) -> list[str]:
    more = [f"and {len(names) - MAX_CHIPS} more"] if len(names) > MAX_CHIPS else []
    return [*names[:MAX_CHIPS], *more]


def _edge(way: Sequence[Box]) -> str:
    """Forward from side to side; what leads back goes around below."""
    start, end = way[0], way[-1]
    if end.x > start.x:
        drawn = f"M{start.x + WIDE} {_middle(start):g}"
        for one, other in pairwise(way):
            y1, y2 = _middle(one), _middle(other)
            x1, x2 = one.x + WIDE, other.x - (0 if other.is_bend else 2)
            half = (x1 + x2) / 2
            drawn += f"C{half:g} {y1:g} {half:g} {y2:g} {x2} {y2:g}"
            drawn += f"H{other.x + WIDE}" if other.is_bend else ""
    else:
        x1, x2 = start.x + WIDE / 2, end.x + WIDE / 2
        y1, y2 = start.y + start.height, end.y + end.height + 2
        low = max(y1, y2) + GAP_Y
        drawn = f"M{x1:g} {y1:g}C{x1:g} {low:g} {x2:g} {low:g} {x2:g} {y2:g}"
    called = f"<title>{safe(f'{start.name} → {end.name}')}</title>"
    return f'<g class="edge">{called}<path d="{drawn}" marker-end="url(#tip)"/></g>'


def _middle(box: Box) -> float:
    return box.y + box.height / 2


def _labels(way: Sequence[Box], patterns: Sequence[str]) -> str:
    """Patterns of an edge, above the middle of its first part or, where it leads back, of it."""
    start, end = way[0], way[1]
    forward = end.x > start.x
    x = start.x + WIDE + GAP_X / 2 if forward else (start.x + end.x + WIDE) / 2
    y = (_middle(start) + _middle(end)) / 2 if forward else start.y
    return "".join(
        f'<text x="{x:g}" y="{y - 4 - LINE * i:g}" class="pattern on-edge">'
        f"{safe(name, LONGEST)}</text>"
        for i, name in enumerate(_few(patterns))
    )


def _words(where: str, patterns: Sequence[str]) -> str:
    if not patterns:
        return ""
    chips = " ".join(f"<code>{safe(name)}</code>" for name in patterns)
    return f"<p>{safe(where)}: {chips}</p>"
