"""Names of services as Kuma's objects have them: a name, labels that select it, or the name that
Kuma makes of a Kubernetes Service, ``backend_demo_svc_3001``.
"""

from __future__ import annotations

import re

from mesh_patterns.importers import backends
from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import needed, text
from mesh_patterns.importers.kuma.world import NAME_LABEL, NAMESPACE_LABEL, SERVICE_TAG, Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_OF_KUBERNETES = re.compile(r"(?P<name>[^_]+)_(?P<namespace>[^_]+)_svc(_\d+)?")


def parts(name: Node, namespace: str) -> tuple[Node, str]:
    """A name and the namespace that it is of."""
    found = _OF_KUBERNETES.fullmatch(name.text())
    if found is None:
        return name, namespace
    return Node(found["name"], name.place), found["namespace"]


def named(ref: Node, source: Source, what: str = "a targetRef") -> tuple[Node, str]:
    """The name and the namespace that a reference means, by themselves or as labels.

    Raises:
        DocumentError: it has neither.
    """
    namespace = text(ref, "namespace", source.object.namespace)
    labels = ref.get("labels")
    if ref.get("name") is not None or labels is None:
        return parts(needed(ref, "name", what), namespace)
    kind = f"{what} without a name has labels, which"
    name = labels.get(NAME_LABEL) or labels.get(SERVICE_TAG)
    if name is None:
        raise DocumentError.at(labels.place, f"{kind} have no {NAME_LABEL!r}")
    return parts(name, text(labels, NAMESPACE_LABEL, namespace))


def service(name: Node, namespace: str, source: Source) -> Entry:
    """The service of that name; one that no file has is made up, and told of."""
    catalog = source.world.catalog
    found = catalog.lookup(name.text(), namespace)
    if found is None:
        plain, within = parts(name, namespace)
        found = catalog.lookup(plain.text(), within)
    return found or catalog.find(*parts(name, namespace))


def targets(ref: Node, source: Source, root: Entry | None = None) -> tuple[str, ...]:
    """Where a backendRef leads, as ``to:`` says it."""
    name, namespace = named(ref, source, "a backendRef")
    catalog = source.world.catalog
    if text(ref, "kind") == "MeshServiceSubset":
        return subset(service(name, namespace, source), ref, source)
    found = backends.targets(name, namespace, catalog, root)
    return found or (catalog.find(name, namespace).name,)


def subset(entry: Entry, ref: Node, source: Source) -> tuple[str, ...]:
    """The versions of a service with these tags.

    Raises:
        DocumentError: there are none.
    """
    given = ref.get("tags")
    tags = {name: value.text() for name, value in given.items()} if given is not None else {}
    if not tags:
        return (entry.name,)
    variants = entry.variants.values()
    found = [each for each in variants if any(tags.items() <= own.items() for own in each.labels)]
    version = tags.get("version")
    if not found and version and (entry.invented or not source.world.catalog.described):
        found = [entry.variant(version, ref.place)]
        found[0].labels.append(tags)
    if not found:
        shown = ", ".join(f"{name}: {value}" for name, value in tags.items())
        raise DocumentError.at(ref.place, f"no proxy of {entry.name!r} has the tags {shown}")
    if len(found) == len(entry.variants):
        return (entry.name,)
    return tuple(entry.target(each) for each in found)
