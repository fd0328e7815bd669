"""Whom connections lead to: weights in hundredths, for what no Envoy takes apart into requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_yaml.node import Node
from mesh_yaml.place import Place

Weights = Mapping[str, Node]
Tell = Callable[[str, Node], None]  # what is approximated, and where


def led(caller: str, entry: Entry, to: Weights, place: Place, tell: Tell) -> Iterator[Node]:
    """The pattern by which a caller's connections to a service are shared out, if they are."""
    if list(to) == [entry.name]:
        return
    made: dict[str, Any] = {"pattern": "canary", "on": f"{caller} -> {entry.name}"}
    yield Node.of({**made, "weights": _percentages(to, tell)}, place)


def _percentages(to: Weights, tell: Tell) -> Weights:
    """Weights that add up to a hundred, by the largest remainders."""
    numbers = {name: int(node.value) for name, node in to.items() if isinstance(node.value, int)}
    total = sum(numbers.values())
    exact = {name: 100 * number / total for name, number in numbers.items()}
    whole = {name: int(share) for name, share in exact.items()}
    rest: Sequence[str] = sorted(exact, key=lambda name: whole[name] - exact[name])
    for name in rest[: 100 - sum(whole.values())]:
        whole[name] += 1
    if any(whole[name] != exact[name] for name in whole):
        tell("weights of connections in hundredths", next(iter(to.values())))
    return {name: Node(share, to[name].place) for name, share in whole.items()}
