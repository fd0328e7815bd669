"""What happened on the streams, as facts that anybody may be told."""

from __future__ import annotations

from dataclasses import dataclass

from xds_server.node import NodeInfo
from xds_server.resource import ResourceType


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """``type`` is what the stream is about; ``None``: it is an aggregated one."""

    node: NodeInfo
    variant: str  # "SotW" or "Delta"
    at: float
    type: ResourceType | None = None


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """``reason`` is empty where the client or the server simply went away.

    ``status`` is the gRPC status that a refused client was told, ``variant`` the stream's.
    """

    node: NodeInfo
    at: float
    reason: str = ""
    type: ResourceType | None = None
    variant: str = ""
    status: str = "OK"


@dataclass(frozen=True, slots=True)
class Sent:
    """A response was handed to the stream; ``names`` are the resources in it.

    ``size`` is its length in bytes; a session, which knows no bytes, says 0.
    """

    node: NodeInfo
    type: ResourceType
    version: str
    names: tuple[str, ...]
    at: float
    size: int = 0


@dataclass(frozen=True, slots=True)
class Acked:
    node: NodeInfo
    type: ResourceType
    version: str
    at: float


@dataclass(frozen=True, slots=True)
class Current:
    """The node needs nothing of this version: it holds all that it wants of it already."""

    node: NodeInfo
    type: ResourceType
    version: str
    at: float


@dataclass(frozen=True, slots=True)
class NackRecord:
    """A refusal, read: which resource and field Envoy complains about, and what wrote them.

    ``text`` is Envoy's own. ``field`` is a path in Envoy's field names
    (``virtual_hosts[0].routes[1]``), ``place`` the line of the source that made it
    (``canary.yaml:14:22``); each is ``None`` where the text does not say.
    """

    node: NodeInfo
    type_url: str
    version: str
    text: str
    resource: str | None = None
    field: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        """``canary.yaml:14:22: NACK from reviews-v1: RouteConfiguration 'r' … : text``."""
        place = f"{self.place}: " if self.place else ""
        title = self.type_url.rpartition(".")[2]
        named = f" {self.resource!r}" if self.resource else ""
        field = f" {self.field}" if self.field else ""
        return f"{place}NACK from {self.node.id}: {title}{named}{field}: {self.text}"


@dataclass(frozen=True, slots=True)
class Nacked:
    record: NackRecord
    at: float


Event = StreamOpened | StreamClosed | Sent | Acked | Current | Nacked
