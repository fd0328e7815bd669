"""What all of App Mesh's objects are read against, and how they name each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from mesh_patterns.importers import source
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

ROUTER_LABEL = "appmesh/virtual-router"
Key = tuple[str, str]  # namespace and name


@dataclass(frozen=True, slots=True)
class World(source.World):
    """Objects by kind, namespace and name; ``named`` are the API's names of those of Kubernetes,
    ``routes`` documents of their own, by their router's name.
    """

    objects: dict[str, dict[Key, Source]] = field(default_factory=dict)
    routes: dict[str, list[Source]] = field(default_factory=dict)
    named: dict[tuple[str, str], Source] = field(default_factory=dict)

    def add(self, found: Source) -> None:
        own = found.object
        self.objects.setdefault(own.kind, {})[own.namespace, own.name] = found
        if own.kind == "Route":
            self.routes.setdefault(own.labels.get(ROUTER_LABEL, ""), []).append(found)
        self.named.setdefault((own.kind, aws_name(own)), found)

    def of(self, kind: str) -> list[Source]:
        return [*self.objects.get(kind, {}).values()]

    def of_name(self, kind: str, namespace: str, name: str) -> Source | None:
        return self.objects.get(kind, {}).get((namespace, name))

    def entries(self, found: Source) -> list[Entry]:
        """The services that an object is a part of."""
        return self.catalog.of.get(found.object.ref, [])


Source = source.Source[World]


def aws_name(own: Object) -> str:
    """What an object is called in the API."""
    return text(own.spec, "awsName") or own.name


def referred(node: Node, kind: str, source: Source) -> Source | None:
    """The object that a reference means: by a name, by a Kubernetes reference, or by an ARN.
    ``None``, told, if no file has it.

    Raises:
        DocumentError: it has none of these.
    """
    name, namespace = _name(node, kind, source)
    world = source.world
    found = world.of_name(kind, namespace, name.text()) or world.named.get((kind, name.text()))
    if found is None:
        source.notes.warn(name.place, f"no file has the {kind} {name.text()!r} of {source.owner}")
    return found


def _name(node: Node, kind: str, source: Source) -> tuple[Node, str]:
    own = source.object.namespace
    if not isinstance(node.value, dict):
        return Node(node.text().rpartition("/")[2], node.place), own
    key = kind[0].lower() + kind[1:]
    ref = node.get(f"{key}Ref")
    if ref is not None:
        return needed(ref, "name", f"a {key}Ref"), text(ref, "namespace", own)
    for name in (f"{key}ARN", f"{key}Name", key, "name"):
        found = node.get(name)
        if found is not None and found.value is not None:
            return Node(found.text().rpartition("/")[2], found.place), text(node, "namespace", own)
    raise DocumentError.at(node.place, f"expected the name of a {kind}, as {key}Ref or {key}Name")
