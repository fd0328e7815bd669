"""What Linkerd's objects are read against: all services, and the objects that others name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mesh_patterns.importers import source
from mesh_patterns.importers.objects import Object

GROUP = "policy.linkerd.io"


@dataclass(frozen=True, slots=True)
class World(source.World):
    """``objects`` are those of all families."""

    objects: Sequence[Object] = field(default_factory=tuple)

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object of that name."""
        same = (each for each in self.objects if each.kind == kind and each.name == name)
        return next((each for each in same if each.namespace == namespace), None)


Source = source.Source[World]
