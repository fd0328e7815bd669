"""What an export has to tell: what the dialect can't say, and what it says a little differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mesh_yaml.place import Place, Problem


@dataclass(slots=True)
class Losses:
    """Collects what is told, each once. ``dialect`` is its name, for people."""

    dialect: str
    _found: dict[Problem, None] = field(default_factory=dict)

    def lost(self, what: str, place: Place) -> None:
        """Something that the dialect has no words for, so it is not in what is written."""
        self.changed(f"{what}: {self.dialect} has no words for it, left out", place)

    def changed(self, message: str, place: Place) -> None:
        """Something that is not quite as it was, or that somebody still has to do."""
        self._found[Problem(place, message, warning=True)] = None

    def places(self) -> frozenset[Place]:
        """Where something is told of."""
        return frozenset(problem.place for problem in self._found)

    def told(self) -> tuple[Problem, ...]:
        """All of it, by file and line."""
        return tuple(sorted(self._found, key=lambda each: (each.place, each.message)))

    def all_lost(self, what: str, places: Iterable[Place]) -> None:
        for place in places:
            self.lost(what, place)
