"""What all of Istio's objects are read against: services, subsets, notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node
from mesh_yaml.place import Place

MESH = "mesh"  # the gateway that stands for all sidecars


@dataclass(frozen=True, slots=True)
class Subset:
    """A name for some of a service's workloads: those with these labels."""

    name: str
    labels: Mapping[str, str]
    place: Place


@dataclass(frozen=True, slots=True)
class World:
    """``subsets`` are by service and name; ``tls``, by service, is what DestinationRules say of it.
    ``identified`` is the first line that takes certificates for granted.
    """

    catalog: Catalog
    notes: Notes
    subsets: dict[tuple[str, str], Subset] = field(default_factory=dict)
    tls: dict[str, Node] = field(default_factory=dict)
    identified: list[Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """One object that is being read, in its world."""

    object: Object
    world: World

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
