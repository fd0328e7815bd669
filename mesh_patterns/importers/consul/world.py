"""What Consul's objects are read against: all services, and the chain from a name to instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mesh_patterns.importers import source
from mesh_patterns.importers.objects import Object, Ref

Sources = Mapping[str, "Source"]  # by the name of the service that they are for


@dataclass(frozen=True, slots=True)
class World(source.World):
    """``objects`` are those of all families."""

    objects: Sequence[Object] = field(default_factory=tuple)
    by_ref: Mapping[Ref, Object] = field(default_factory=dict)
    ingress: frozenset[str] = frozenset()  # names of gateways
    routers: dict[str, Source] = field(default_factory=dict)
    splitters: dict[str, Source] = field(default_factory=dict)
    resolvers: dict[str, Source] = field(default_factory=dict)


Source = source.Source[World]
