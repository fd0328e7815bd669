"""Meshery's files: an envelope around Kubernetes and Istio objects.

Pattern files are of v1alpha2: https://docs.meshery.io/reference and models/v1alpha2/patterns.go of
meshery/schemas. They come in three spellings (``type: Kind.Model``, ``type`` with ``model``, and
keys with spaces), and real ones mix them. Designs, which came later, are read by ``designs.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_patterns.importers.meshery import designs
from mesh_patterns.importers.meshery.components import USED, Component, objects
from mesh_patterns.importers.meshery.order import check_order
from mesh_patterns.importers.meshery.references import Scope, reference, used
from mesh_patterns.importers.meshery.spelling import respell
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Gathered, Link
from mesh_yaml import yaml
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

_KEYS = ("name", "patternID", "version", "vars", "services")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads Meshery's documents, and those that they use from the same folder."""

    gathered: Gathered
    notes: Notes
    given: Mapping[str, Node]

    def read(self, document: Node, settings: Mapping[str, Node], chain: tuple[Path, ...]) -> None:
        """One document. ``settings`` are those of whoever uses it; ``chain`` are the files."""
        self.notes.leftovers(document, _KEYS, "the pattern")
        name = document.get("name")
        if name is not None and name.value is not None:
            self.gathered.names.append(name)
        services = document.get("services") or Node(None, document.place)
        found = {key: respell(node) for key, node in services.items()}
        variables = self._variables(document, settings)
        self._components(found, Scope(variables, found), _scope(document), chain)

    def read_design(self, document: Node) -> None:
        """One design. It has no variables, and uses no other files."""
        designs.check(document, self.notes)
        name, scope = document.get("name"), _scope(document)
        if name is not None and name.value is not None:
            self.gathered.names.append(name)
        self.gathered.links.extend(designs.links(document, scope, self.notes))
        found = dict(designs.components(document, self.notes))
        self._components(found, Scope({}, found), scope, ())

    def _variables(self, document: Node, settings: Mapping[str, Node]) -> dict[str, Node]:
        own = dict((document.get("vars") or Node(None, document.place)).items())
        for name, node in settings.items():
            if name not in own:
                at, of = node.key or node.place, document.place.file
                self.notes.warn(at, f"{name!r} is no variable of {of}: it changes nothing there")
        return {**own, **settings, **self.given}

    def _components(
        self, found: Mapping[str, Node], scope: Scope, name: str, chain: tuple[Path, ...]
    ) -> None:
        components = []
        for key, node in found.items():
            kind = node.get("type")
            url = used(kind.text()) if kind is not None and kind.value is not None else None
            if url is not None:
                settings = node.get("settings") or Node(None, node.place)
                self._use(url, dict(scope.fill(settings).items()), node, chain)
                continue
            self.gathered.links.extend(_links(node, name))
            filled = self.notes.guard(scope.fill, _without_edges(node))
            if filled is not None:
                components.append(Component(key, filled, name))
        check_order(found, {each.key for each in components if each.kind in USED}, self.notes)
        for component, called in _named(components, self.notes):
            made = self.notes.guard(list, objects(component, called, self.notes))
            self.gathered.objects.extend(made or ())

    def _use(
        self, url: str, settings: Mapping[str, Node], node: Node, chain: tuple[Path, ...]
    ) -> None:
        """Read the file of that name that lies beside: nothing is fetched from a network."""
        kind = node.find("type")
        beside = Path(kind.place.file).parent / Path(url).name
        if not Path(url).name or not beside.is_file():
            message = f"{url} is not fetched, and there is no {beside}: left out"
            self.notes.warn(kind.place, message)
            return
        resolved = beside.resolve()
        if resolved in chain:
            raise DocumentError.at(kind.place, f"files use each other in a circle: {beside}")
        if resolved not in self.gathered.files:
            self.gathered.files.append(resolved)
        self.notes.warn(kind.place, f"{url} is not fetched: {beside} is read in its place")
        for document in yaml.read(beside, str(beside)):
            self.read(document, settings, (*chain, resolved))


def read(
    documents: Sequence[Node], gathered: Gathered, notes: Notes, given: Mapping[str, Node]
) -> None:
    """Meshery documents into the objects and links that they stand for.

    Raises:
        DocumentError: a reference leads nowhere, or files use each other in a circle.
    """
    reader = Reader(gathered, notes, given)
    for document in documents:
        reader.read(document, {}, (Path(document.place.file).resolve(),))


def read_designs(
    documents: Sequence[Node], gathered: Gathered, notes: Notes, given: Mapping[str, Node]
) -> None:
    """Designs into the objects and links that they stand for.

    Raises:
        DocumentError: one is of another schema.
    """
    reader = Reader(gathered, notes, given)
    for document in documents:
        reader.read_design(document)


def _scope(document: Node) -> str:
    return f"{document.place.file}:{document.place.line}"


def _without_edges(node: Node) -> Node:
    """Edges are references to components, and stand for themselves."""
    traits = node.get("traits")
    meshmap = traits.get("meshmap") if traits else None
    if not isinstance(node.value, dict) or meshmap is None or not isinstance(meshmap.value, dict):
        return node
    kept = {name: item for name, item in meshmap.value.items() if name in ("id", "parent")}
    slim = Node({"meshmap": Node(kept, meshmap.place)}, meshmap.place)
    return Node({**node.value, "traits": slim}, node.place, node.key)


def _links(node: Node, scope: str) -> Iterator[Link]:
    """The edges of a component, in both forms; an edge of rights is none of calls."""
    traits = node.get("traits")
    meshmap = traits.get("meshmap") if traits else None
    edges = meshmap.get("edges") if meshmap else None
    for edge in edges.elements() if edges else ():
        data = edge.get("data") or edge
        kind = data.get("subType")
        source = data.get("from") or data.get("source")
        target = data.get("to") or data.get("target")
        if source and target and not (kind and kind.value == "Permission"):
            yield Link(_id(source), _id(target), target.place, scope)


def _id(node: Node) -> str:
    """``$(#ref.services.reviews.id)`` is ``reviews``; a newer file says so directly."""
    text = node.text()
    path = reference(text)
    if path is None or path[0] != "services":
        return text
    return ".".join(path[1:-1]) if path[-1] == "id" else ".".join(path[1:])


def _named(components: Sequence[Component], notes: Notes) -> Iterator[tuple[Component, str]]:
    """Each component with its name; where two of a kind claim one, the later goes by its key."""
    taken: dict[tuple[str, str, str], Place] = {}
    for component in components:
        at = component.node.key or component.node.place
        name = component.name
        first = taken.get((component.kind, component.namespace, name))
        if first is not None and component.key != name and component.kind in USED:
            message = f"{component.kind} {name!r} is there already, at {first}"
            notes.warn(at, f"{message}: called {component.key!r} after its key")
            name = component.key
        taken[component.kind, component.namespace, name] = at
        _tell_stray_name(component, name, components, notes)
        yield component, name


def _tell_stray_name(
    component: Component, name: str, components: Iterable[Component], notes: Notes
) -> None:
    """``settings.name`` names nothing, but somebody may have meant it to."""
    inner = component.text("settings", "name")
    if inner in ("", name, component.name):
        return
    twins = [
        other.node.key
        for other in components
        if other is not component
        and other.kind == component.kind
        and inner in (other.key, other.text("settings", "name"))
    ]
    also = f", as at {twins[0]}" if twins else ""
    place = component.part("settings", "name").place
    notes.warn(place, f"settings.name is {inner!r}{also}: this {component.kind} is {name!r}")
