"""A snapshot: everything that one group of nodes is served, immutable and versioned by content."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xds_server.aliases import Aliases
from xds_server.catalogue import Catalogue
from xds_server.errors import InconsistentSnapshot, ResourceError
from xds_server.references import Reference
from xds_server.resource import FULL_STATE, Resource, ResourceType

_NOTHING = Catalogue.of(())
_KIND_OF: Mapping[str, ResourceType] = {kind.message: kind for kind in ResourceType}


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Resources by type and name. Build it with ``Snapshot.of``; the default one is empty.

    The next one is best built from it with ``replacing``, which costs what has changed.
    """

    catalogues: Mapping[ResourceType, Catalogue] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Snapshot:
        """Raises ``ResourceError`` where two resources of one type have one name."""
        by_type: dict[ResourceType, list[Resource]] = {}
        for each in resources:
            by_type.setdefault(each.type, []).append(each)
        return cls(MappingProxyType({kind: Catalogue.of(by_type[kind]) for kind in by_type}))

    def replacing(
        self,
        resources: Iterable[Resource],
        removed: Iterable[tuple[ResourceType, str]] = (),
    ) -> Snapshot:
        """This snapshot with ``resources`` added or in place of those of their names.

        What is ``removed``, by type and name, need not be there. All that did not change is shared
        with this snapshot, and its streams look at nothing but what did.

        Raises ``ResourceError`` where two of ``resources`` have one type and name, or one of them
        is to be removed.
        """
        changed: dict[ResourceType, dict[str, Resource]] = {}
        for each in resources:
            if changed.setdefault(each.type, {}).setdefault(each.name, each) is not each:
                raise ResourceError(f"{each.type.title} {each.name!r}: two resources of this name")
        gone: dict[ResourceType, list[str]] = {}
        for kind, name in removed:
            if name in changed.setdefault(kind, {}):
                raise ResourceError(f"{kind.title} {name!r}: to be replaced and to be removed")
            gone.setdefault(kind, []).append(name)
        made = {
            kind: self.catalogue(kind).replacing(changed[kind], gone.get(kind, ()))
            for kind in changed
        }
        return Snapshot(MappingProxyType({**self.catalogues, **made}))

    def catalogue(self, kind: ResourceType) -> Catalogue:
        """All resources of one type, and what is known about them."""
        return self.catalogues.get(kind, _NOTHING)

    def resources(self, kind: ResourceType) -> Mapping[str, Resource]:
        """All resources of one type by name, sorted by name."""
        return self.catalogue(kind).resources

    def version(self, kind: ResourceType) -> str:
        """One type's version: it changes exactly when a resource of that type does."""
        return self.catalogue(kind).version

    def versions(self, kind: ResourceType) -> Mapping[str, str]:
        """The version of each resource of one type; the same object each time."""
        return self.catalogue(kind).versions

    def aliases(self, kind: ResourceType) -> Aliases:
        """What the resources of one type may be asked for by, besides their names."""
        return self.catalogue(kind).aliases

    def is_needed(self, kind: ResourceType) -> bool:
        """Whether a node that takes all listeners and clusters comes to ask for this type."""
        resources = self.resources(kind)
        if kind in FULL_STATE or not resources:
            return bool(resources)
        return any(name in resources for names in self._needed(kind) for name in names)

    def _needed(self, kind: ResourceType) -> Iterator[Mapping[str, int]]:
        """The names of this type that each type's resources refer to."""
        for each in self.catalogues.values():
            names = each.needs.get(kind.message)
            if names:
                yield names

    def __iter__(self) -> Iterator[Resource]:
        """All resources, types in push order."""
        for kind in ResourceType:
            yield from self.resources(kind).values()

    def check(self, static_clusters: Collection[str] = ()) -> None:
        """Raises ``InconsistentSnapshot`` where a resource needs one that is not in the snapshot.

        Clusters need their endpoints, listeners their routes and filter configs, routes their
        clusters; ``static_clusters`` are those that the nodes' bootstrap defines. Each missing one
        is named, with the place of the resource that needs it where that is known.
        """
        missing = {kind: self._missing(kind, static_clusters) for kind in ResourceType}
        if not any(missing.values()):
            return
        raise InconsistentSnapshot(
            _told(each, reference)
            for each in self
            for reference in sorted(each.references, key=lambda r: r.path)
            if reference.name in missing.get(_KIND_OF[reference.message], ())
        )

    def _missing(self, kind: ResourceType, static_clusters: Collection[str]) -> set[str]:
        served = self.resources(kind).keys()
        lacking = {name for names in self._needed(kind) for name in names.keys() - served}
        return lacking.difference(static_clusters if kind is ResourceType.CLUSTER else ())


def _told(referrer: Resource, reference: Reference) -> str:
    place = referrer.place_of(reference.path)
    wanted = reference.message.rpartition(".")[2]
    told = (
        f"{referrer.type.title} {referrer.name!r}: {reference.path} names the {wanted} "
        f"{reference.name!r}, which is not in the snapshot"
    )
    return f"{place}: {told}" if place else told
