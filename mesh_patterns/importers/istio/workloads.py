"""Which workloads a policy of Istio's is for: by its namespace, its labels, or by name.

A policy in the root namespace is for all namespaces.
https://istio.io/latest/docs/reference/config/type/workload-selector/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mesh_patterns.importers.catalog import Catalog, Entry, Variant
from mesh_patterns.importers.istio.source import Source
from mesh_patterns.importers.kubernetes import APP
from mesh_patterns.importers.objects import texts
from mesh_yaml.node import Node

T = TypeVar("T")

ROOT = "istio-system"  # the namespace whose policies are for the whole mesh
GATEWAYS = frozenset({"istio-system", "istio-ingress"})  # where Istio's own gateways run
_MESH, _NAMESPACE, _WORKLOAD = range(3)  # what is nearer to a workload wins over what is not


@dataclass(frozen=True, slots=True)
class Choice:
    """What a policy is for: services, of each the versions or ``None`` for all of them; and whether
    it is for the ingress. ``nearness`` grows with what it says of them.
    """

    services: Mapping[str, tuple[str, ...] | None]
    ingress: bool = False
    nearness: int = _MESH

    def covers(self, service: str, version: str) -> bool:
        if service not in self.services:
            return False
        versions = self.services[service]
        return versions is None or version in versions

    @property
    def is_empty(self) -> bool:
        return not self.services and not self.ingress


def choice(source: Source) -> Choice:
    """What the policy's ``selector`` or ``targetRefs`` mean; all of its namespace without them."""
    spec = source.object.spec
    references = [*source.list("targetRefs")]
    if (single := spec.get("targetRef")) is not None:
        references.append(single)
    if references:
        return _referred(references, source)
    selector = spec.get("selector") or spec.get("workloadSelector") or Node(None, spec.place)
    labels = texts(selector.get("matchLabels") or selector.get("labels"))
    if labels:
        return _selected(labels, selector, source)
    root = source.object.namespace == ROOT
    services = {entry.name: None for entry in _within(source)}
    return Choice(services, ingress=root, nearness=_MESH if root else _NAMESPACE)


def _within(source: Source) -> Iterator[Entry]:
    """The services that are in reach of the policy's namespace; others run what is outside."""
    namespace = source.object.namespace
    entries = source.world.catalog.entries.values()
    mine = (entry for entry in entries if namespace in (ROOT, entry.namespace))
    return (entry for entry in mine if entry.outside is None)


def _selected(labels: Mapping[str, str], selector: Node, source: Source) -> Choice:
    if _means_ingress(labels):
        return Choice({}, ingress=True, nearness=_WORKLOAD)
    found: dict[str, tuple[str, ...] | None] = {}
    for entry in _within(source):
        mine = [each for each in entry.variants.values() if _has(each, labels)]
        if mine:
            whole = len(mine) == len(entry.variants)
            found[entry.name] = None if whole else tuple(each.name for each in mine)
    if not found:
        found = dict(_by_app(labels, selector, source))
    if not found:
        source.notes.warn(selector.place, f"{source.owner} selects no workload here")
    return Choice(found, nearness=_WORKLOAD)


def _means_ingress(labels: Mapping[str, str]) -> bool:
    return any("ingress" in labels.get(name, "") for name in ("istio", "app"))


def _has(variant: Variant, labels: Mapping[str, str]) -> bool:
    return any(labels.items() <= of.items() for of in variant.labels)


def _by_app(
    labels: Mapping[str, str], selector: Node, source: Source
) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Workloads that no file has: the service that is called as their app is."""
    app = next((labels[name] for name in APP if labels.get(name)), None)
    if app is None:
        return
    entry = source.world.catalog.find(Node(app, selector.place), source.object.namespace)
    version = labels.get("version")
    if version and not entry.own:
        entry.variant(version, selector.place)
    yield entry.name, (version,) if version in entry.variants and version else None


def _referred(references: Iterable[Node], source: Source) -> Choice:
    services: dict[str, tuple[str, ...] | None] = {}
    ingress = False
    for reference in references:
        kind, name = reference.get("kind"), reference.get("name")
        what = kind.text() if kind is not None and kind.value else ""
        if what == "Service" and name is not None:
            services[source.service(name).name] = None
        elif what in ("Gateway", "GatewayClass"):
            ingress = True
        else:
            source.skip(f"a targetRef to a {what or 'nothing'}", reference)
    return Choice(services, ingress, nearness=_WORKLOAD)


def versions(catalog: Catalog, service: str) -> tuple[str, ...]:
    """The names of a service's versions; one without a name where it has none."""
    return tuple(catalog.entries[service].variants) or ("",)


def before(
    entry: Entry, found: Sequence[T], chosen: Callable[[T], Choice], catalog: Catalog
) -> Iterator[tuple[str, Sequence[T]]]:
    """``on:`` of patterns, each with all that is for it: the service, or its versions where they
    differ in that.
    """
    near = [each for each in found if entry.name in chosen(each).services]
    names = versions(catalog, entry.name) if near else ()
    mine = {name: [e for e in near if chosen(e).covers(entry.name, name)] for name in names}
    if all(len(each) == len(near) for each in mine.values()):
        if near:
            yield entry.name, near
        return
    for name, each in mine.items():
        if each:
            yield f"{entry.name}/{name}" if name else entry.name, each
