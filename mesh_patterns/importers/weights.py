"""Weights of backends, and weights in hundredths."""

from __future__ import annotations

from collections.abc import Mapping

from mesh_patterns.importers.fields import whole_number
from mesh_patterns.importers.source import Source, W
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

MAX_WEIGHT = 1_000_000


def weight(node: Node) -> int:
    """One, if nothing is said.

    Raises:
        DocumentError: it is no number of that kind.
    """
    given = node.get("weight")
    if given is None or given.value is None:
        return 1
    wanted = f"a weight is a whole number up to {MAX_WEIGHT}"
    return whole_number(given, wanted, low=0, high=MAX_WEIGHT)


def hundredths(to: Mapping[str, Node], source: Source[W]) -> dict[str, Node]:
    """Weights that add up to a hundred, by the largest remainders; told where they are no whole
    ones.

    Raises:
        DocumentError: all are zero.
    """
    numbers = {name: node.value for name, node in to.items() if isinstance(node.value, int)}
    total = sum(numbers.values())
    if not total:
        raise DocumentError.at(next(iter(to.values())).place, "weights add up to 0")
    exact = {name: 100 * number / total for name, number in numbers.items()}
    whole = {name: int(share) for name, share in exact.items()}
    rest = sorted(exact, key=lambda name: whole[name] - exact[name])
    for name in rest[: 100 - sum(whole.values())]:
        whole[name] += 1
    if any(whole[name] != exact[name] for name in whole):
        source.approximate("weights of connections in hundredths", next(iter(to.values())))
    return {name: Node(share, to[name].place) for name, share in whole.items()}
