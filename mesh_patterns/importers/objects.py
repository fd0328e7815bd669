"""Kubernetes objects: what all dialects are read into, and the reader of the plain ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mesh_patterns.importers.notes import Notes, listed
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

KUBERNETES = "kubernetes"
ISTIO = "istio"
DEFAULT_NAMESPACE = "default"
WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"}
)
POLICY = frozenset(
    {
        "VirtualService", "DestinationRule", "Gateway", "AuthorizationPolicy", "PeerAuthentication",
        "ServiceEntry", "WorkloadEntry", "WasmPlugin", "EnvoyFilter",
    }
)  # fmt: skip

# Versions of Istio's groups that say the same: what a later one says is read as if it did.
_VERSIONS = frozenset({"v1", "v1beta1", "v1alpha1", "v1alpha3"})

Ref = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Object:
    """One object. ``family`` tells Istio's Gateway from the others of that name.

    ``ids`` are the names by which links of its own ``scope`` (a document) know it; ``parent`` is
    the group that it was drawn in.
    """

    family: str
    kind: str
    name: str
    namespace: str
    place: Place
    spec: Node
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, Node] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    parent: str = ""
    scope: str = ""

    @property
    def ref(self) -> Ref:
        return (f"{self.family}/{self.kind}", self.namespace, self.name)

    def is_workload(self) -> bool:
        return self.family == KUBERNETES and self.kind in WORKLOADS

    def is_service(self) -> bool:
        return self.family == KUBERNETES and self.kind == "Service"

    def is_policy(self) -> bool:
        return self.family == ISTIO and self.kind in POLICY

    def matters(self) -> bool:
        """Whether a mesh on one machine has a use for it."""
        return self.is_workload() or self.is_service() or self.is_policy()

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True, slots=True)
class Link:
    """A line that somebody drew from one object to another."""

    source: str
    target: str
    place: Place
    scope: str


@dataclass(slots=True)
class Gathered:
    """All that was read: objects, links between them, and the files beyond those given."""

    objects: list[Object] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    names: list[Node] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def read(
    documents: Sequence[Node], gathered: Gathered, notes: Notes, variables: Mapping[str, Node]
) -> None:
    """Plain Kubernetes documents, lists of them too. They have no variables."""
    for document in documents:
        kind = _text(document, "kind")
        items = document.get("items")
        if kind.endswith("List") and items is not None:
            read(items.elements(), gathered, notes, variables)
        else:
            _check_version(document, notes)
            gathered.objects.append(_object(document, kind))


def _check_version(document: Node, notes: Notes) -> None:
    given = document.find("apiVersion")
    text = _text(document, "apiVersion")
    if family(text) == ISTIO and text.rpartition("/")[2] not in _VERSIONS:
        notes.warn(given.place, f"apiVersion {text!r} is not known: read as v1")


def _object(document: Node, kind: str) -> Object:
    metadata = document.get("metadata") or Node(None, document.place)
    name = metadata.get("name") or metadata.get("generateName")
    if name is None:
        raise DocumentError.at(document.place, f"a {kind} has no 'metadata.name'")
    return Object(
        family=family(_text(document, "apiVersion")),
        kind=kind,
        name=name.text(),
        namespace=_text(metadata, "namespace") or DEFAULT_NAMESPACE,
        place=name.place,
        spec=document.get("spec") or Node(None, document.place),
        labels=texts(metadata.get("labels")),
        annotations=dict((metadata.get("annotations") or Node(None, document.place)).items()),
    )


def family(api_version: str) -> str:
    """``kubernetes`` for its own groups, ``istio`` for Istio's, otherwise the group itself."""
    group, slash, _ = api_version.partition("/")
    if not slash or group in ("apps", "extensions", "batch", "policy", "autoscaling"):
        return KUBERNETES
    return ISTIO if group.endswith(".istio.io") else group


def _text(node: Node, name: str) -> str:
    found = node.get(name)
    return found.text() if found is not None and found.value is not None else ""


def texts(node: Node | None) -> dict[str, str]:
    """A mapping of texts, such as labels."""
    if node is None:
        return {}
    return {name: value.text() for name, value in node.items() if value.value is not None}


def unique(objects: Iterable[Object], notes: Notes) -> list[Object]:
    """Each object once: what comes later replaces what came earlier, as when one applies files."""
    found: dict[Ref, Object] = {}
    again: dict[str, list[tuple[Object, Object]]] = {}
    for each in objects:
        if each.ref in found:
            again.setdefault(each.place.file, []).append((found[each.ref], each))
        found[each.ref] = each
    for pairs in again.values():
        _tell_again(pairs, notes)
    return list(found.values())


def _tell_again(pairs: Sequence[tuple[Object, Object]], notes: Notes) -> None:
    first, later = pairs[0]
    names = listed(f"{each.kind} {each.name}" for _, each in pairs)
    what = "it" if len(pairs) == 1 else "them"
    notes.warn(
        later.place,
        f"{names}: defined before, first at {first.place}; the later one replaces {what}",
    )


def of_kind(objects: Iterable[Object], kind: str) -> Iterator[Object]:
    """Istio's objects of one kind."""
    return (each for each in objects if each.family == ISTIO and each.kind == kind)
