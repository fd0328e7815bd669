"""What objects of policy are read against: all services, and whom to tell what is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node

W = TypeVar("W", bound="World")


@dataclass(frozen=True, slots=True)
class World:
    """What the objects of a dialect have in common. A dialect may know more."""

    catalog: Catalog
    notes: Notes


@dataclass(frozen=True, slots=True)
class Source(Generic[W]):
    """One object that is being read, in its world."""

    object: Object
    world: W

    @property
    def notes(self) -> Notes:
        return self.world.notes

    @property
    def owner(self) -> str:
        return str(self.object)

    def service(self, host: Node) -> Entry:
        return self.world.catalog.find(host, self.object.namespace)

    def skip(self, what: str, node: Node) -> None:
        self.notes.skip(what, node.key or node.place, self.owner)

    def approximate(self, what: str, node: Node) -> None:
        self.notes.approximate(what, node.key or node.place, self.owner)

    def list(self, name: str) -> tuple[Node, ...]:
        """The elements of a list in the object's spec; none if it is not there."""
        found = self.object.spec.get(name)
        return found.elements() if found is not None else ()
