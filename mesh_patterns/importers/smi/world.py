"""What all of SMI's objects are read against: the specs of traffic, and who has which identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.importers import source

Key = tuple[str, str]  # namespace and name
Routes = Mapping[str, Sequence[Mapping[str, Any]]]  # by name, matches as ours


@dataclass(frozen=True, slots=True)
class World(source.World):
    """``groups`` are HTTPRouteGroups, ``streams`` TCPRoutes, ``bindings`` what IdentityBindings
    stand for: services, of each the versions.
    """

    groups: dict[Key, Routes] = field(default_factory=dict)
    streams: set[Key] = field(default_factory=set)
    bindings: dict[Key, Sequence[str]] = field(default_factory=dict)


Source = source.Source[World]
