"""Kuma's universal form: ``type``, ``name`` and ``mesh`` at the top, and what it says beside them
or in ``spec``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.kuma.world import MESH_LABEL
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import DEFAULT_NAMESPACE, KUMA, Gathered, Object, texts
from mesh_yaml.node import Node

_HEAD = frozenset(
    {"type", "name", "mesh", "labels", "creationTime", "modificationTime", "kri", "status"}
)


def read(
    documents: Sequence[Node], gathered: Gathered, notes: Notes, variables: Mapping[str, Node]
) -> None:
    """Each document as an object, like those of Kubernetes. They have no variables."""
    gathered.objects += notes.each(_object, documents)


def _object(document: Node) -> Object:
    kind = text(document, "type")
    name = needed(document, "name", f"a {kind}")
    spec = document.get("spec")
    if spec is None:
        said = {key: value for key, value in document.items() if key not in _HEAD}
        spec = Node(said, document.place)
    labels = texts(document.get("labels"))
    mesh = text(document, "mesh")
    return Object(
        family=KUMA,
        kind=kind,
        name=name.text(),
        namespace=DEFAULT_NAMESPACE,
        place=name.place,
        spec=spec,
        labels={**labels, MESH_LABEL: mesh} if mesh else labels,
        created=text(document, "creationTime"),
    )
