"""From others' documents to a tree of our language, and the tables of importers.

A dialect's module is imported when a document speaks it, or when an object is of its family: most
meshes need one or two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from mesh_patterns.importers import calls, dialects, kubernetes, objects, parts
from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.dialects import (
    APP_MESH,
    ENVOY,
    KUBERNETES,
    KUMA,
    MESHERY,
    MESHERY_DESIGN,
    dialect,
)
from mesh_patterns.importers.notes import Notes, counts
from mesh_patterns.importers.objects import (
    CONSUL,
    GATEWAY_API,
    ISTIO,
    LINKERD,
    SMI,
    Gathered,
    Object,
)
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place, Problem

Importer = Callable[[Sequence[Node], Gathered, Notes, Mapping[str, Node]], None]

# dialect → what reads all documents of that dialect, together, into Kubernetes objects
IMPORTERS: Mapping[str, tuple[str, str]] = {
    MESHERY: ("mesh_patterns.importers.meshery", "read"),
    MESHERY_DESIGN: ("mesh_patterns.importers.meshery", "read_designs"),
    KUBERNETES: ("mesh_patterns.importers.objects", "read"),
    dialects.CONSUL: ("mesh_patterns.importers.consul", "read"),
    KUMA: ("mesh_patterns.importers.kuma.documents", "read"),
    APP_MESH: ("mesh_patterns.importers.app_mesh.documents", "read"),
}
# dialect → what makes a tree of ours of all its documents, by itself
TREES: Mapping[str, str] = {ENVOY: "mesh_patterns.importers.envoy"}
# family → what reads its policy, in the order in which their patterns stand
POLICIES: Mapping[str, str] = {
    ISTIO: "mesh_patterns.importers.istio",
    SMI: "mesh_patterns.importers.smi",
    GATEWAY_API: "mesh_patterns.importers.gateway_api",
    LINKERD: "mesh_patterns.importers.linkerd",
    CONSUL: "mesh_patterns.importers.consul",
    objects.KUMA: "mesh_patterns.importers.kuma",
    objects.APP_MESH: "mesh_patterns.importers.app_mesh",
}


class PolicyModule(Protocol):
    """What the module of a family has. It gets the objects of all families."""

    def services(self, objects: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
        """Adds what it knows of services besides Kubernetes' own."""

    def patterns(self, objects: Sequence[Object], catalog: Catalog, notes: Notes) -> Sequence[Node]:
        """What its objects do, as ``patterns:`` of ours."""


@dataclass(frozen=True, slots=True)
class Converted:
    """``files`` are those that the documents themselves brought in."""

    trees: tuple[Node, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()


def convert(
    documents: Sequence[Node],
    own: Sequence[Node] = (),
    variables: Mapping[str, Node] | None = None,
) -> Converted:
    """All foreign documents together, as one tree of our language.

    ``own`` are the trees of our own files: services that they describe are not described again.
    ``variables`` win over those of the documents.

    Raises:
        DocumentError: with every problem, or because there is nothing in them to run.
    """
    if not documents:
        return Converted()
    notes, gathered = Notes(), Gathered()
    spoken: dict[str | None, list[Node]] = {}
    for document in documents:
        spoken.setdefault(dialect(document), []).append(document)
    trees = tuple(_whole(spoken, own, notes))
    first = next((document for document in documents if dialect(document) not in TREES), None)
    if first is None:
        return Converted(trees, notes.finish())
    for name, (module, function) in IMPORTERS.items():
        if name in spoken:
            importer: Importer = getattr(import_module(module), function)
            notes.guard(importer, spoken[name], gathered, notes, variables or {})
    found = objects.unique(gathered.objects, notes)
    used = [each for each in found if not _ignored(each, notes)]
    catalog = Catalog(notes)
    _learn_own(own, catalog)
    tree = _tree(used, gathered, catalog, notes)
    _refuse_nothing(first.place, found, catalog, notes)
    catalog.tell_echoes()
    return Converted((*trees, tree), notes.finish(), tuple(gathered.files))


def _whole(
    spoken: Mapping[str | None, Sequence[Node]], own: Sequence[Node], notes: Notes
) -> Iterator[Node]:
    """The documents of dialects that say all of a mesh themselves."""
    services = [name for tree in own for name in _services(tree)]
    for name, module in TREES.items():
        if name in spoken:
            made = notes.guard(import_module(module).tree, spoken[name], notes, services)
            if made is not None:
                yield made


def _ignored(each: Object, notes: Notes) -> bool:
    if not each.matters():
        notes.ignore(each.kind, each.place)
    return not each.matters()


def _learn_own(own: Sequence[Node], catalog: Catalog) -> None:
    for tree in own:
        for name, node in _services(tree).items():
            catalog.own(name, node)


def _services(tree: Node) -> Mapping[str, Node]:
    """The services that a tree of ours describes."""
    mesh = tree.get("mesh")
    services = mesh.get("services") if mesh else None
    found = services.value if services is not None else None
    return found if isinstance(found, dict) else {}


def _families(found: Iterable[Object]) -> list[PolicyModule]:
    there = {family for each in found for family in each.families()}
    modules = (import_module(name) for family, name in POLICIES.items() if family in there)
    return [cast(PolicyModule, module) for module in modules]


def _tree(found: Sequence[Object], gathered: Gathered, catalog: Catalog, notes: Notes) -> Node:
    workloads = kubernetes.services(found, catalog, notes)
    families = _families(found)
    for family in families:
        family.services(found, catalog, notes)
    calls.fill(found, gathered.links, workloads, catalog, notes)
    policy = [made for each in families for made in each.patterns(found, catalog, notes)]
    patterns = parts.first([*policy, *parts.patterns(catalog)])
    mesh = catalog.tree()
    made: dict[str, Any] = {"mesh": mesh, "patterns": [*patterns]}
    if gathered.names:
        made["name"] = gathered.names[0]
    return Node.of(made, mesh.place)


def _refuse_nothing(place: Place, found: Sequence[Object], catalog: Catalog, notes: Notes) -> None:
    if catalog.entries or any(not problem.warning for problem in notes.problems):
        return
    got = counts(Counter(each.kind for each in found)) or "nothing"
    message = (
        "has nothing that a mesh could run: expected a workload, a Service, or policy that "
        f"leads to one, got {got}"
    )
    raise DocumentError.at(place, message)
