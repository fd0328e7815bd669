"""What all of Kuma's objects are read against: services, and the tags of proxies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from mesh_patterns.importers import source
from mesh_patterns.importers.catalog import Entry, Variant
from mesh_yaml.node import Node

MESH_LABEL = "kuma.io/mesh"
SERVICE_TAG = "kuma.io/service"
PROTOCOL_TAG = "kuma.io/protocol"
NAMESPACE_LABEL = "k8s.kuma.io/namespace"
NAME_LABEL = "kuma.io/display-name"


@dataclass(frozen=True)
class World(source.World):
    """``gateways`` are the tags of proxies that are gateways, by their service; ``routes`` what
    policies say of a MeshHTTPRoute alone, by its name; ``proxies`` the services of each Dataplane.
    """

    gateways: dict[str, dict[str, str]] = field(default_factory=dict)
    routes: dict[str, Node] = field(default_factory=dict)
    proxies: dict[str, list[Entry]] = field(default_factory=dict)

    @cached_property
    def labelled(self) -> dict[tuple[str, str], list[tuple[Entry, Variant]]]:
        """Versions of services by each label of theirs; asked for when all are known."""
        found: dict[tuple[str, str], list[tuple[Entry, Variant]]] = {}
        for entry in self.catalog.entries.values():
            for variant in entry.variants.values():
                pairs = {pair for labels in variant.labels for pair in labels.items()}
                for pair in pairs:
                    found.setdefault(pair, []).append((entry, variant))
        return found


Source = source.Source[World]
