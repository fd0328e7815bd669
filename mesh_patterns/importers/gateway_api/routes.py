"""A route: an object that attaches rules to parents, and which of two of them comes first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mesh_patterns.importers.gateway_api.world import Source
from mesh_patterns.importers.objects import ANNOTATED, LINKERD
from mesh_yaml.node import Node

_KNOWN = ("parentRefs", "hostnames", "rules", "useDefaultGateways")
_LAST = "~"  # after every time: a route without one counts as the newest


@dataclass(frozen=True, eq=False)
class Route:
    """One route, of whatever kind. Each is itself."""

    source: Source

    @property
    def kind(self) -> str:
        return self.source.object.kind

    @property
    def namespace(self) -> str:
        return self.source.object.namespace

    @cached_property
    def hostnames(self) -> tuple[Node, ...]:
        return self.source.list("hostnames")

    @cached_property
    def parents(self) -> tuple[Node, ...]:
        return self.source.list("parentRefs")

    @property
    def is_linkerds(self) -> bool:
        """Whether it is meant for Linkerd, where a rule without backends leads to the parent."""
        it = self.source.object
        return it.family == LINKERD or any(ANNOTATED in name for name in it.annotations)

    @property
    def age(self) -> tuple[str, str]:
        """What is smaller comes first: the oldest, then by namespace and name."""
        it = self.source.object
        return (it.created or _LAST, f"{it.namespace}/{it.name}")


def read(source: Source) -> Route:
    """A route; what is not known of it is told."""
    source.notes.leftovers(source.object.spec, _KNOWN, source.owner)
    return Route(source)
