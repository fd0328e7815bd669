"""Who a client says that it is: the node of its first request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """The parts of ``envoy.config.core.v3.Node`` by which a control plane tells clients apart."""

    id: str
    cluster: str = ""
    region: str = ""
    zone: str = ""
    sub_zone: str = ""
    user_agent_name: str = ""
    client_features: tuple[str, ...] = ()


GroupOf = Callable[[NodeInfo], str]


def by_node_id(node: NodeInfo) -> str:
    """Each node is a group of its own."""
    return node.id
