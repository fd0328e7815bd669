"""Which dialect a document speaks, and the one table of importers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mesh_patterns.importers import (
    calls,
    gateway_api,
    istio,
    kubernetes,
    meshery,
    objects,
    parts,
    smi,
)
from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.notes import Notes, counts
from mesh_patterns.importers.objects import Gathered, Object
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place, Problem

Policy = Callable[[Sequence[Object], Catalog, Notes], Sequence[Node]]
Importer = Callable[[Sequence[Node], Gathered, Notes, Mapping[str, Node]], None]

# dialect → what reads all documents of that dialect, together, into Kubernetes objects
IMPORTERS: Mapping[str, Importer] = {
    "meshery": meshery.read,
    "meshery design": meshery.read_designs,
    "kubernetes": objects.read,
}
# what reads the policy of a dialect, in the order in which their patterns stand
POLICIES: Sequence[Policy] = (istio.patterns, smi.patterns, gateway_api.patterns)


@dataclass(frozen=True, slots=True)
class Converted:
    """``files`` are those that the documents themselves brought in."""

    trees: tuple[Node, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = ()


def dialect(document: Node) -> str | None:
    """One of ``IMPORTERS``, or ``None`` for our own language."""
    if document.get("apiVersion") and document.get("kind"):
        return "kubernetes"
    if document.get("components") and (
        document.get("schemaVersion") or document.get("relationships")
    ):
        return "meshery design"
    if document.get("services") and not document.get("mesh"):
        return "meshery"
    return None


def is_foreign(document: Node) -> bool:
    return dialect(document) is not None


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
    for name, importer in IMPORTERS.items():
        group = [document for document in documents if dialect(document) == name]
        notes.guard(importer, group, gathered, notes, variables or {})
    found = objects.unique(gathered.objects, notes)
    used = [each for each in found if not _ignored(each, notes)]
    catalog = Catalog(notes)
    _learn_own(own, catalog)
    tree = _tree(used, gathered, catalog, notes)
    _refuse_nothing(documents[0].place, found, catalog, notes)
    catalog.tell_echoes()
    return Converted((tree,), notes.finish(), tuple(gathered.files))


def _ignored(each: Object, notes: Notes) -> bool:
    if not each.matters():
        notes.ignore(each.kind, each.place)
    return not each.matters()


def _learn_own(own: Sequence[Node], catalog: Catalog) -> None:
    for tree in own:
        mesh = tree.get("mesh")
        services = mesh.get("services") if mesh else None
        if services is not None and isinstance(services.value, dict):
            for name, node in services.value.items():
                catalog.own(name, node)


def _tree(found: Sequence[Object], gathered: Gathered, catalog: Catalog, notes: Notes) -> Node:
    workloads = kubernetes.services(found, catalog, notes)
    istio.services(found, catalog, notes)
    calls.fill(found, gathered.links, workloads, catalog, notes)
    policy = [made for dialect in POLICIES for made in dialect(found, catalog, notes)]
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
