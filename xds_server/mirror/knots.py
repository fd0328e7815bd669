"""Knots: nodes of a graph that reach each other, in an order in which a file can import another.

Tarjan's strongly connected components, without recursion: message types nest deeper than one would
want to climb on Python's stack.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def knots(start: Node, referred: Callable[[Node], Iterable[Node]]) -> list[list[Node]]:
    """All that ``start`` reaches, as knots; each comes after those that it refers to."""
    found: list[list[Node]] = []
    number: dict[Node, int] = {start: 0}  # order of discovery
    lowest: dict[Node, int] = {start: 0}  # the earliest node that is reached from here
    unsettled: list[Node] = [start]
    on_path: list[tuple[Node, Iterator[Node]]] = [(start, iter(referred(start)))]
    settled: set[Node] = set()
    while on_path:
        node, rest = on_path[-1]
        for other in rest:
            if other not in number:
                number[other] = lowest[other] = len(number)
                unsettled.append(other)
                on_path.append((other, iter(referred(other))))
                break
            if other not in settled:
                lowest[node] = min(lowest[node], number[other])
        else:
            on_path.pop()
            if on_path:
                parent = on_path[-1][0]
                lowest[parent] = min(lowest[parent], lowest[node])
            if lowest[node] == number[node]:
                at = unsettled.index(node)
                found.append(unsettled[at:])
                settled.update(unsettled[at:])
                del unsettled[at:]
    return found
