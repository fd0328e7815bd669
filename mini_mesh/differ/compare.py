"""Two views of one case side by side: what differs, each part by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mini_mesh.differ.view import ORDER, SEQUENCES

Parts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A part that is not the same; None where one side does not have it.

    ``known`` names the row of docs/FIDELITY.md that explains it, "" if nothing does.
    """

    place: str
    here: str | None
    envoy: str | None
    known: str = ""


def compare(here: Parts, envoy: Parts) -> list[Difference]:
    """What differs, in the order of the parts. Of a sequence only where it departs first."""
    departed: set[str] = set()
    found = []
    for place in dict.fromkeys([*here, *envoy]):
        sequence = place.partition(" ")[0]
        if sequence in departed or not (difference := _difference(place, here, envoy)):
            continue
        found.append(difference)
        if sequence in SEQUENCES:
            departed.add(sequence)
    return found


def _difference(place: str, here: Parts, envoy: Parts) -> Difference | None:
    ours, theirs = here.get(place), envoy.get(place)
    if place.endswith(ORDER) and ours is not None and theirs is not None:
        ours, theirs = " ".join(_common(ours, theirs)), " ".join(_common(theirs, ours))
    return None if ours == theirs else Difference(place, ours, theirs)


def _common(names: str, others: str) -> Iterator[str]:
    """The names that the other side has too: one that is missing there is told elsewhere."""
    wanted = set(others.split(" "))
    return (name for name in dict.fromkeys(names.split(" ")) if name in wanted)
