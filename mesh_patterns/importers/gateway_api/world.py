"""What all objects of the Gateway API are read against."""

from __future__ import annotations

from dataclasses import dataclass, field

from mesh_patterns.importers import source
from mesh_patterns.importers.gateway_api.grants import Grant
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class World(source.World):
    """``grants`` are what namespaces allow others to refer to."""

    grants: list[Grant] = field(default_factory=list)


Source = source.Source[World]


def text(node: Node, name: str, otherwise: str = "") -> str:
    """A text of a mapping, or what it is by default."""
    found = node.get(name)
    return found.text() if found is not None and found.value is not None else otherwise


def needed(node: Node, name: str, what: str) -> Node:
    """What has to be there.

    Raises:
        DocumentError: it is not.
    """
    found = node.get(name)
    if found is None or found.value is None:
        raise DocumentError.at(node.place, f"{what} has no {name!r}")
    return found
