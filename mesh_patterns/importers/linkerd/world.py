"""What Linkerd's objects are read against: all services, and the objects that others name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mesh_patterns.importers import people, source
from mesh_patterns.importers.objects import Object

GROUP = "policy.linkerd.io"


@dataclass(frozen=True, slots=True)
class World(source.World):
    """``objects`` are those of all families."""

    objects: Sequence[Object] = field(default_factory=tuple)
    _names: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    _people: dict[str, list[str]] = field(default_factory=dict)

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object of that name."""
        if not self._names:
            self._names.update({(it.kind, it.namespace, it.name): it for it in self.objects})
        return self._names.get((kind, namespace, name))

    def people(self, identity: str) -> list[str]:
        """Who runs as ``ACCOUNT.NAMESPACE``, or with any account of ``*.NAMESPACE``."""
        if not self._people:
            for each in people.people(self.catalog):
                for known in (f"{each.account}.{each.namespace}", f"*.{each.namespace}"):
                    self._people.setdefault(known, []).append(each.name)
        return self._people.get(identity, [])


Source = source.Source[World]
