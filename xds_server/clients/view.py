"""What a server knows of its clients, at the moment that somebody asks.

Nothing is kept for it: a view reads what the streams remember anyway, and costs nothing until
then. It is to be read at once: what it holds belongs to the streams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xds_server.events import NackRecord
from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Refusal:
    """A NACK: what it says of each resource, at what time; ``names`` are what it refused."""

    records: tuple[NackRecord, ...]
    names: frozenset[str]
    at: float


@dataclass(frozen=True, slots=True)
class TypeView:
    """One type on one stream. ``sent_at`` is in seconds, ``None`` where nothing was sent.

    ``names`` are asked for one by one; where a name was an alias, that of the resource. ``known``
    are the versions that the client was sent last, by name, NACKed or not; ``version`` is that of
    the last response, ``in_flight`` what in it is neither ACKed nor NACKed yet.
    """

    type: ResourceType
    wildcard: bool
    names: frozenset[str]
    known: Mapping[str, str]
    version: str
    sent_at: float | None
    in_flight: tuple[Resource, ...]
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class ClientView:
    """One stream: who opened it from where, in which variant, and what it is served.

    ``snapshot`` is ``None`` where nothing is served to the node's ``group`` yet.
    """

    node: NodeInfo
    peer: str
    group: str
    variant: str
    opened_at: float
    snapshot: Snapshot | None
    ask: Callable[[], tuple[TypeView, ...]]

    @property
    def types(self) -> tuple[TypeView, ...]:
        """Each type that the client asked for, as it stands now."""
        return self.ask()
