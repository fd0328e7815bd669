"""What all of Istio's objects are read against: services, subsets, notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mesh_patterns.importers import source
from mesh_patterns.importers.istio.mesh_configs import MeshConfig
from mesh_yaml.node import Node
from mesh_yaml.place import Place

MESH = "mesh"  # the gateway that stands for all sidecars


@dataclass(frozen=True, slots=True)
class Subset:
    """A name for some of a service's workloads: those with these labels."""

    name: str
    labels: Mapping[str, str]
    place: Place


@dataclass(frozen=True, slots=True)
class World(source.World):
    """``subsets`` are by service and name; ``tls``, by service, is what DestinationRules say of it.
    ``identified`` is the first line that takes certificates for granted, ``delegates`` are the
    VirtualServices without hosts, by namespace and name.
    """

    subsets: dict[tuple[str, str], Subset] = field(default_factory=dict)
    tls: dict[str, Node] = field(default_factory=dict)
    identified: list[Place] = field(default_factory=list)
    delegates: dict[tuple[str, str], source.Source[World]] = field(default_factory=dict)
    config: MeshConfig = field(default_factory=MeshConfig)


Source = source.Source[World]
