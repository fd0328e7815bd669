"""Which proxies a ``targetRef`` means: those that follow a policy, or those that call.

https://kuma.io/docs/latest/policies/introduction/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mesh_patterns.importers.catalog import Entry, Variant
from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.kubernetes import APP
from mesh_patterns.importers.kuma import names
from mesh_patterns.importers.kuma.world import (
    MESH_LABEL,
    NAME_LABEL,
    NAMESPACE_LABEL,
    SERVICE_TAG,
    Source,
)
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

KINDS = (
    "Mesh", "MeshSubset", "Dataplane", "MeshGateway", "MeshService", "MeshServiceSubset",
    "MeshHTTPRoute",
)  # fmt: skip
_IMPLIED = frozenset({SERVICE_TAG, NAMESPACE_LABEL, MESH_LABEL, NAME_LABEL})

Versions = tuple[str, ...] | None  # ``None``: all of them


@dataclass(frozen=True, slots=True)
class Proxies:
    """``everybody``: all services, and who is none; else ``services``, with the versions that are
    meant. ``ingress``: the gateway, too.
    """

    everybody: bool = False
    ingress: bool = False
    services: Mapping[str, Versions] = field(default_factory=dict)

    def has(self, service: str) -> bool:
        return self.everybody or service in self.services


def proxies(ref: Node | None, source: Source) -> Proxies:
    """What a reference means; without one it is everybody.

    Raises:
        DocumentError: it is of no known kind, or lacks its name.
    """
    kind = text(ref, "kind", "Mesh") if ref is not None else "Mesh"
    if ref is None or kind == "Mesh":
        return _all(ref, source)
    if kind == "MeshGateway":
        return Proxies(ingress=True)
    if kind in ("MeshSubset", "Dataplane"):
        return _of_tags(ref, source)
    if kind in ("MeshService", "MeshServiceSubset"):
        return _of_service(ref, kind, source)
    place = (ref.get("kind") or ref).place
    raise DocumentError.at(place, f"unknown kind {kind!r}{suggest(kind, KINDS)}")


def _all(ref: Node | None, source: Source) -> Proxies:
    types = {each.text() for each in elements(ref, "proxyTypes")} if ref is not None else set()
    ingress = not types or "Gateway" in types
    if types and "Sidecar" not in types:
        return Proxies(ingress=ingress)
    return Proxies(everybody=True, ingress=ingress)


def _of_service(ref: Node, kind: str, source: Source) -> Proxies:
    name, namespace = names.named(ref, source)
    if name.text() in source.world.gateways:
        return Proxies(ingress=True)
    entry = names.service(name, namespace, source)
    if kind == "MeshService":
        return Proxies(services={entry.name: None})
    return Proxies(services=_versions(names.subset(entry, ref, source)))


def _versions(targets: Iterable[str]) -> dict[str, Versions]:
    found: dict[str, Versions] = {}
    for target in targets:
        name, _, version = target.partition("/")
        found[name] = (*(found.get(name) or ()), version) if version else None
    return found


def _of_tags(ref: Node, source: Source) -> Proxies:
    """Those that have all of the tags or labels."""
    world = source.world
    given = ref.get("tags") or ref.get("labels")
    if given is None and (name := ref.get("name")) is not None:
        found = world.proxies.get(name.text())
        if found is not None:
            return Proxies(services={entry.name: None for entry in found})
        entry = names.service(name, text(ref, "namespace", source.object.namespace), source)
        return Proxies(services={entry.name: None})
    if given is None or not given.value:
        return _all(ref, source)
    if ref.get("sectionName") is not None:
        source.approximate("a sectionName: a service has one port", ref.find("sectionName"))
    tags = {name: value.text() for name, value in given.items()}
    gateway = any(tags.items() <= own.items() for own in world.gateways.values())
    found_ = _tagged(tags, given, source)
    if not found_ and not gateway:
        shown = ", ".join(f"{name}: {value}" for name, value in tags.items())
        source.notes.warn(given.place, f"no proxy has {shown}: nobody follows {source.owner} there")
    return Proxies(ingress=gateway, services=found_)


def _tagged(tags: Mapping[str, str], node: Node, source: Source) -> dict[str, Versions]:
    world = source.world
    plain = {name: value for name, value in tags.items() if name not in _IMPLIED}
    own = tags.get(SERVICE_TAG) or tags.get(NAME_LABEL)
    if own is not None and own not in world.gateways:
        place = node.find(SERVICE_TAG if SERVICE_TAG in tags else NAME_LABEL).place
        entry = names.service(Node(own, place), _namespace(tags, source), source)
        found = {entry.name: [*entry.variants.values()]}
    elif plain:
        found = _labelled(plain, source)
    else:
        found = {} if own else {e.name: [*e.variants.values()] for e in _entries(source)}
    kept: dict[str, Versions] = {}
    for name, variants in found.items():
        entry = world.catalog.entries[name]
        if entry.namespace != tags.get(NAMESPACE_LABEL, entry.namespace) and not entry.own:
            continue
        held = [each.name for each in variants if _holds(each, plain)]
        if held or not plain:
            whole = len(held) == len(entry.variants) or not plain
            kept[name] = None if whole else tuple(held)
    return kept or _by_app(tags, node, source)


def _entries(source: Source) -> Iterable[Entry]:
    return source.world.catalog.entries.values()


def _namespace(tags: Mapping[str, str], source: Source) -> str:
    return tags.get(NAMESPACE_LABEL, source.object.namespace)


def _labelled(plain: Mapping[str, str], source: Source) -> dict[str, list[Variant]]:
    first = next(iter(plain.items()))
    found: dict[str, list[Variant]] = {}
    for entry, variant in source.world.labelled.get(first, ()):
        found.setdefault(entry.name, []).append(variant)
    return found


def _holds(variant: Variant, plain: Mapping[str, str]) -> bool:
    return any(plain.items() <= labels.items() for labels in variant.labels)


def _by_app(tags: Mapping[str, str], node: Node, source: Source) -> dict[str, Versions]:
    """By the label that names an application, of a service whose labels no file tells."""
    key = next((name for name in APP if name in tags), None)
    if key is None:
        return {}
    catalog = source.world.catalog
    entry = catalog.lookup(tags[key], _namespace(tags, source))
    if entry is None and not catalog.described:
        entry = catalog.find(node.find(key), _namespace(tags, source))
    unlabelled = entry is not None and (entry.own or entry.invented)
    return {entry.name: None} if entry is not None and unlabelled else {}
