"""An AuthorizationPolicy while its rules are read for one port."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node

_INSTEAD = {
    "ALLOW": "is left out", "DENY": "denies more", "AUDIT": "counts more", "CUSTOM": "asks more"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """``port`` is that of the workloads that the policy stands before, if it is known."""

    source: Source
    action: str
    port: int | None = None

    @property
    def allows(self) -> bool:
        return self.action == "ALLOW"

    @property
    def instead(self) -> str:
        """What becomes of a rule with a condition that can't be looked at."""
        return _INSTEAD[self.action]

    @property
    def catalog(self) -> Catalog:
        return self.source.world.catalog

    def never(self, why: str, node: Node) -> None:
        """Tell of a rule that is about no request."""
        self.source.approximate(f"a rule that no request is of: {why}", node)

    def identified(self, nodes: Iterable[Node]) -> list[str]:
        """The texts of names that stand in certificates: so there have to be some."""
        found = list(nodes)
        self.source.world.identified.extend(node.place for node in found[:1])
        return [node.text() for node in found]
