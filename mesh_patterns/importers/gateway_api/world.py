"""What all objects of the Gateway API are read against."""

from __future__ import annotations

from dataclasses import dataclass, field

from mesh_patterns.importers import source
from mesh_patterns.importers.gateway_api.grants import Grant

GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class World(source.World):
    """``grants`` are what namespaces allow others to refer to."""

    grants: list[Grant] = field(default_factory=list)


Source = source.Source[World]
