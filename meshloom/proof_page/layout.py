"""Where the services of a mesh stand in its picture: layers from callers to callees. No I/O.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System
Structures": edges that close a circle are turned around, a node stands one layer behind its last
caller, and the order in a layer is that of its neighbours' mean places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

SWEEPS = 4  # times that the order of all layers is made better

Edges = Iterable[tuple[str, str]]


def layers(nodes: Sequence[str], edges: Edges) -> list[list[str]]:
    """The nodes in layers, each from top to bottom. An edge that leads past layers has a bend in
    each of them, named by :func:`bend`. Edges of others, and to oneself, do not count."""
    known = set(nodes)
    found = [(a, b) for a, b in dict.fromkeys(edges) if a in known and b in known and a != b]
    below: dict[str, list[str]] = {name: [] for name in nodes}
    for caller, callee in found:
        below[caller].append(callee)
    depths = _depths(nodes, below)
    rows: list[list[str]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for name, depth in depths.items():
        rows[depth].append(name)
    near: dict[str, list[str]] = {name: [] for name in nodes}
    for caller, callee in found:
        way = [caller]
        for depth in range(depths[caller] + 1, depths[callee]):
            way.append(bend(caller, callee, depth))
            rows[depth].append(way[-1])
        for one, other in pairwise([*way, callee]):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    places = {name: i for row in rows for i, name in enumerate(row)}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _sort(row, near, places)
            places.update({name: i for i, name in enumerate(row)})
    return rows


def bend(caller: str, callee: str, layer: int) -> str:
    """What an edge's bend in a layer is called; no service has such a name."""
    return f"{caller} > {callee} > {layer}"


def _depths(nodes: Sequence[str], below: Mapping[str, list[str]]) -> dict[str, int]:
    """One more than that of the deepest caller; callers come first in ``order``."""
    order, kept = _ordered(nodes, below)
    depths = dict.fromkeys(nodes, 0)
    for name in order:
        for callee in kept[name]:
            depths[callee] = max(depths[callee], depths[name] + 1)
    return depths


def _ordered(
    nodes: Sequence[str], below: Mapping[str, list[str]]
) -> tuple[list[str], dict[str, list[str]]]:
    """Callers before callees, and the edges without those that close a circle."""
    kept: dict[str, list[str]] = {name: [] for name in nodes}
    done: list[str] = []
    state: dict[str, bool] = {}  # False: on the way, True: done
    for root in nodes:
        if root in state:
            continue
        state[root] = False
        waiting = [(root, iter(below[root]))]
        while waiting:
            name, callees = waiting[-1]
            for callee in callees:
                if state.get(callee, True):
                    kept[name].append(callee)
                if callee not in state:
                    state[callee] = False
                    waiting.append((callee, iter(below[callee])))
                    break
            else:
                waiting.pop()
                state[name] = True
                done.append(name)
    return done[::-1], kept


def _sort(row: list[str], near: Mapping[str, list[str]], places: Mapping[str, int]) -> None:
    def middle(name: str) -> float:
        around = [places[each] for each in near[name]]
        return sum(around) / len(around) if around else places[name]

    row.sort(key=lambda name: (middle(name), places[name]))
