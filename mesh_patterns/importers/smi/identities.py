"""Who has an identity: workloads by their service accounts, and by what IdentityBindings say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesh_patterns.importers.catalog import Variant
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.objects import texts
from mesh_patterns.importers.selection import with_holds
from mesh_patterns.importers.smi.world import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError


def workloads(node: Node, source: Source) -> Sequence[str]:
    """The services that an identity stands for, or the versions of them.

    Where no file has a workload at all, the service of the account's name stands in.

    Raises:
        DocumentError: it is of another kind, or has no name.
    """
    name, kind = needed(node, "name", "an identity"), text(node, "kind", "ServiceAccount")
    namespace = text(node, "namespace", source.object.namespace)
    if kind == "IdentityBinding":
        found = tuple(source.world.bindings.get((namespace, name.text()), ()))
        return found or _stand_in(name, f"no file has a workload of {kind}", source, namespace)
    if kind != "ServiceAccount":
        wanted = "expected ServiceAccount or IdentityBinding"
        raise DocumentError.at(node.place, f"unknown kind {kind!r} of identity, {wanted}")
    catalog = source.world.catalog
    found = tuple(with_holds(catalog, namespace, lambda it: name.text() in it.accounts))
    return found or _stand_in(name, "no workload runs as service account", source, namespace)


def _stand_in(name: Node, missing: str, source: Source, namespace: str) -> Sequence[str]:
    """The service of that name, where the files say of none that it is there."""
    if not source.world.catalog.described:
        return (source.world.catalog.find(name, namespace).name,)
    source.notes.warn(name.place, f"{missing} {name.text()!r} of namespace {namespace!r}")
    return ()


def bound(source: Source) -> Sequence[str]:
    """What an IdentityBinding stands for: one of its schemes is enough."""
    schemes = source.object.spec.get("schemes") or Node(None, source.object.place)
    known = ("podLabelSelector", "spiffeIdentities", "serviceAccount")
    source.notes.leftovers(schemes, known, source.owner, "schemes.")
    accounts = {text(schemes, "serviceAccount")} | set(_of_spiffe(schemes, source))
    selector = schemes.get("podLabelSelector") or Node(None, schemes.place)
    labels = texts(selector.get("matchLabels"))

    def holds(variant: Variant) -> bool:
        selected = any(labels.items() <= of.items() for of in variant.labels)
        return bool(accounts & variant.accounts) or (bool(labels) and selected)

    return tuple(with_holds(source.world.catalog, source.object.namespace, holds))


def _of_spiffe(schemes: Node, source: Source) -> Iterator[str]:
    """The service accounts in ids such as ``cluster.local/ns/default/sa/reviews``."""
    for node in elements(schemes, "spiffeIdentities"):
        parts = node.text().removeprefix("spiffe://").split("/")
        if parts[1:] == ["ns", source.object.namespace, "sa", parts[-1]]:
            yield parts[-1]
        else:
            source.skip("a SPIFFE id that names no service account of its namespace", node)
