"""A snapshot: everything that one group of nodes is served, immutable and versioned by content."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xds_server.aliases import Aliases
from xds_server.errors import InconsistentSnapshot, ResourceError
from xds_server.references import Reference
from xds_server.resource import FULL_STATE, Resource, ResourceType, short_hash

_NO_VERSIONS: Mapping[str, str] = MappingProxyType({})
_NO_ALIASES = Aliases(())
_NONE: Mapping[str, Resource] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Resources by type and name. Build it with ``Snapshot.of``; the default one is empty."""

    by_type: Mapping[ResourceType, Mapping[str, Resource]] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Snapshot:
        """Raises ``ResourceError`` where two resources of one type have one name.

        Two in one response are a NACK (xDS protocol, "Duplicate resource names").
        """
        by_type: dict[ResourceType, dict[str, Resource]] = {}
        for each in resources:
            earlier = by_type.setdefault(each.type, {}).setdefault(each.name, each)
            if earlier is not each:
                raise ResourceError(f"{each.type.title} {each.name!r}: two resources of this name")
        return cls(
            MappingProxyType(
                {kind: MappingProxyType(dict(sorted(by_type[kind].items()))) for kind in by_type}
            )
        )

    def resources(self, kind: ResourceType) -> Mapping[str, Resource]:
        """All resources of one type by name, sorted by name."""
        return self.by_type.get(kind, _NONE)

    def version(self, kind: ResourceType) -> str:
        """One type's version: it changes exactly when a resource of that type does."""
        return self._versions[kind]

    def versions(self, kind: ResourceType) -> Mapping[str, str]:
        """The version of each resource of one type; the same object each time."""
        return self._resource_versions.get(kind, _NO_VERSIONS)

    @functools.cached_property
    def _resource_versions(self) -> Mapping[ResourceType, Mapping[str, str]]:
        return {
            kind: MappingProxyType({name: each.version for name, each in resources.items()})
            for kind, resources in self.by_type.items()
        }

    @functools.cached_property
    def _versions(self) -> Mapping[ResourceType, str]:
        return {kind: self._hash(kind) for kind in ResourceType}

    def _hash(self, kind: ResourceType) -> str:
        lines = [f"{each.name}\0{each.version}\n" for each in self.resources(kind).values()]
        return short_hash("".join(lines).encode())

    def aliases(self, kind: ResourceType) -> Aliases:
        """What the resources of one type may be asked for by, besides their names."""
        return self._aliases.get(kind, _NO_ALIASES)

    @functools.cached_property
    def _aliases(self) -> Mapping[ResourceType, Aliases]:
        return {kind: Aliases(resources.values()) for kind, resources in self.by_type.items()}

    def is_needed(self, kind: ResourceType) -> bool:
        """Whether a node that takes all listeners and clusters comes to ask for this type."""
        resources = self.resources(kind)
        if kind in FULL_STATE or not resources:
            return bool(resources)
        return any(each.message == kind.message and each.name in resources for each in self._wanted)

    @functools.cached_property
    def _wanted(self) -> frozenset[Reference]:
        return frozenset(reference for each in self for reference in each.references)

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
        missing = [
            _told(each, reference)
            for each in self
            for reference in sorted(each.references, key=lambda r: r.path)
            if not self._holds(reference, static_clusters)
        ]
        if missing:
            raise InconsistentSnapshot(missing)

    def _holds(self, reference: Reference, static_clusters: Collection[str]) -> bool:
        kind = ResourceType.of(f"type.googleapis.com/{reference.message}")
        if kind is None or reference.name in self.resources(kind):
            return True
        return kind is ResourceType.CLUSTER and reference.name in static_clusters


def _told(referrer: Resource, reference: Reference) -> str:
    place = referrer.place_of(reference.path)
    wanted = reference.message.rpartition(".")[2]
    told = (
        f"{referrer.type.title} {referrer.name!r}: {reference.path} names the {wanted} "
        f"{reference.name!r}, which is not in the snapshot"
    )
    return f"{place}: {told}" if place else told
