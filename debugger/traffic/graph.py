"""The picture of a mesh's traffic: services and the requests between them, in four notations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from debugger.traffic.flow import Flow, together

MAX_DEPTH = 32  # levels of the tree, and of the picture


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one service to another, or one ``version`` of it. Times in milliseconds."""

    source: str
    target: str
    version: str
    total: int
    failed: int
    p50: float
    p99: float

    @property
    def label(self) -> str:
        """``1,204   p50 3 ms   p99 9 ms   2 failed``."""
        failed = f"   {self.failed:,} failed" if self.failed else ""
        return f"{self.total:,}   p50 {self.p50:.0f} ms   p99 {self.p99:.0f} ms{failed}"

    @property
    def name(self) -> str:
        return f"{self.target} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Graph:
    arrows: tuple[Arrow, ...]

    @classmethod
    def of(cls, flows: Iterable[Flow]) -> Graph:
        """Of what the senders have counted, instances of a service together."""
        found: dict[tuple[str, str, str], list[Flow]] = {}
        for flow in flows:
            if flow.side == "client":
                found.setdefault((flow.service, flow.peer, flow.version), []).append(flow)
        return cls(tuple(_arrow(key, together(parts)) for key, parts in found.items()))

    @property
    def services(self) -> list[str]:
        ends = (end for arrow in self.arrows for end in (arrow.source, arrow.target))
        return list(dict.fromkeys(ends))

    @property
    def roots(self) -> list[str]:
        """Those that nobody asks; where all go round in a ring, the first."""
        asked = {arrow.target for arrow in self.arrows}
        return [each for each in self.services if each not in asked] or self.services[:1]

    def levels(self) -> list[list[str]]:
        """Services by the length of the shortest way to them."""
        levels, seen = [self.roots], set(self.roots)
        while levels[-1] and len(levels) < MAX_DEPTH:
            nexts = dict.fromkeys(
                arrow.target
                for source in levels[-1]
                for arrow in self.arrows
                if arrow.source == source and arrow.target not in seen
            )
            seen |= set(nexts)
            levels.append(list(nexts))
        left = [each for each in self.services if each not in seen]
        return [level for level in [*levels, left] if level]

    def plain(self) -> dict[str, Any]:
        """As JSON-like data."""
        fields = ("source", "target", "version", "total", "failed", "p50", "p99")
        edges = [{name: getattr(each, name) for name in fields} for each in self.arrows]
        return {"services": self.services, "edges": edges}


def _arrow(key: tuple[str, str, str], flow: Flow) -> Arrow:
    return Arrow(*key, flow.total, flow.failed, flow.quantile(0.5), flow.quantile(0.99))


def tree(graph: Graph) -> Iterator[str]:
    """As lines: what was shown once is not taken apart again."""
    shown: set[str] = set()
    for root in graph.roots:
        yield root
        yield from _below(graph, root, "", shown, 0)


def _below(graph: Graph, source: str, indent: str, shown: set[str], depth: int) -> Iterator[str]:
    if source in shown or depth > MAX_DEPTH:
        return
    shown.add(source)
    below = [arrow for arrow in graph.arrows if arrow.source == source]
    for number, arrow in enumerate(below):
        last = number == len(below) - 1
        again = "   ↑" if arrow.target in shown and _calls(graph, arrow.target) else ""
        yield f"{indent}{'└─' if last else '├─'} {arrow.name}   {arrow.label}{again}"
        inner = indent + ("   " if last else "│  ")
        yield from _below(graph, arrow.target, inner, shown, depth + 1)


def _calls(graph: Graph, service: str) -> bool:
    return any(arrow.source == service for arrow in graph.arrows)


def mermaid(graph: Graph) -> Iterator[str]:
    """https://mermaid.js.org/syntax/flowchart.html"""
    numbers = {name: f"n{number}" for number, name in enumerate(graph.services)}
    yield "flowchart LR"
    for name, number in numbers.items():
        yield f'  {number}["{_mermaid(name)}"]'
    for arrow in graph.arrows:
        label = f"{arrow.version} {arrow.label}".strip()
        yield f'  {numbers[arrow.source]} -->|"{_mermaid(label)}"| {numbers[arrow.target]}'


def _mermaid(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;")


def dot(graph: Graph) -> Iterator[str]:
    """https://graphviz.org/doc/info/lang.html"""
    yield "digraph mesh {"
    yield "  rankdir=LR; node [shape=box];"
    for arrow in graph.arrows:
        label = f"{arrow.version} {arrow.label}".strip()
        colour = " color=red" if arrow.failed else ""
        ends = f"{_quoted(arrow.source)} -> {_quoted(arrow.target)}"
        yield f"  {ends} [label={_quoted(label)}{colour}];"
    yield "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


WIDTH, HEIGHT = 130, 34  # of a box
ACROSS, DOWN = 360, 80  # from one box to the next


def svg(graph: Graph) -> Iterator[str]:
    """A picture by itself: services in columns, by how far they are from where requests come in."""
    levels = graph.levels()
    places = {
        name: (20 + column * ACROSS, 20 + row * DOWN)
        for column, level in enumerate(levels)
        for row, name in enumerate(level)
    }
    width = 40 + (len(levels) - 1) * ACROSS + WIDTH if levels else 40
    height = 40 + max((len(level) for level in levels), default=0) * DOWN
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    yield ' font-family="sans-serif" font-size="11">'
    yield '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">'
    yield '<path d="M0,0 L7,3 L0,6 z"/></marker></defs>'
    yield from _svg_arrows(graph.arrows, places)
    for name, (x, y) in places.items():
        box = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5"'
        yield f'{box} fill="#eef" stroke="#446"/>'
        middle = f'x="{x + WIDTH / 2}" y="{y + HEIGHT / 2 + 4}" text-anchor="middle"'
        yield f"<text {middle}>{escape(name)}</text>"
    yield "</svg>"


def _svg_arrows(arrows: Sequence[Arrow], places: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    among: dict[tuple[str, str], int] = {}
    for arrow in arrows:
        (x1, y1), (x2, y2) = places[arrow.source], places[arrow.target]
        nth = among[arrow.source, arrow.target] = among.get((arrow.source, arrow.target), -1) + 1
        shift = HEIGHT / 2 + 9 * nth
        start, end = (float(x1 + WIDTH), y1 + shift), (float(x2), y2 + shift)
        if x2 <= x1:  # back, or down a column: round below
            start, end = (
                (x1 + WIDTH / 2, float(y1 + HEIGHT)),
                (x2 + WIDTH / 2 + 8, float(y2 + HEIGHT)),
            )
        colour = "#b00" if arrow.failed else "#446"
        line = f'x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"'
        yield f'<line {line} stroke="{colour}" marker-end="url(#tip)"/>'
        middle = f'x="{(start[0] + end[0]) / 2}" y="{(start[1] + end[1]) / 2 - 4}"'
        text = escape(f"{arrow.version} {arrow.label}".strip())
        yield f'<text {middle} text-anchor="middle" fill="{colour}">{text}</text>'


NOTATIONS: Mapping[str, Callable[[Graph], Iterator[str]]] = {
    "text": tree,
    "mermaid": mermaid,
    "dot": dot,
    "svg": svg,
}
