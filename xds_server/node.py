"""Who a client says that it is: the node of its first request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["envoy", "grpc", "other"]


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

    @property
    def kind(self) -> Kind:
        """What reads our config, told by its user agent; ``"other"`` where that says neither.

        Envoy calls itself ``envoy``; gRPC ``gRPC C-core linux Python``, ``gRPC Node Pure JS``,
        ``gRPC Go``, ``grpc-java``.
        """
        name = self.user_agent_name.casefold()
        if name.startswith("grpc"):
            return "grpc"
        return "envoy" if name == "envoy" else "other"

    @property
    def describes(self) -> str:
        """The client in a sentence: ``a gRPC client ('gRPC Go')``."""
        named = {"envoy": "an Envoy", "grpc": "a gRPC client"}.get(self.kind, "a client")
        return f"{named} ({self.user_agent_name!r})" if self.user_agent_name else named


GroupOf = Callable[[NodeInfo], str]


def by_node_id(node: NodeInfo) -> str:
    """Each node is a group of its own."""
    return node.id
