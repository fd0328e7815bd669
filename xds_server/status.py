"""Where each node stands: what it was sent, what it accepted, what it refused.

Accepted is not in effect: an Envoy ACKs a listener that it is still warming.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from xds_server.events import (
    Acked,
    Current,
    Event,
    Nacked,
    NackRecord,
    Sent,
    StreamClosed,
    StreamOpened,
)
from xds_server.node import NodeInfo
from xds_server.resource import FULL_STATE, ResourceType
from xds_server.snapshot import Snapshot


@dataclasses.dataclass(frozen=True, slots=True)
class TypeStatus:
    """``nack`` is the last refusal, until something of the type is accepted again.

    ``waiting``: what was sent last is neither ACKed nor NACKed yet.
    """

    sent: str = ""
    acked: str = ""
    waiting: bool = False
    nack: NackRecord | None = None


class Status:
    """Told every event of a server, it knows where each connected node stands.

    Of a node with several streams of one type (Envoy opens one for each name outside of an
    aggregated stream) it knows what was said last on any of them.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, dict[ResourceType, TypeStatus]] = {}
        self._streams: dict[str, int] = {}  # a new stream may open before the old one is gone

    def record(self, event: Event) -> None:
        match event:
            case StreamOpened(node=node, type=kind_or_all):
                self._opened(node.id, kind_or_all)
            case StreamClosed(node=node):
                self._closed(node.id)
            case Sent(node=node, type=kind, version=version):
                self._change(node, kind, sent=version, waiting=True)
            case Acked(node=node, type=kind, version=version):
                self._change(node, kind, acked=version, waiting=False, nack=None)
            case Current(node=node, type=kind, version=version):
                self._change(node, kind, acked=version)
            case Nacked(record=record):
                kind_of = ResourceType.of(record.type_url)
                if kind_of is not None:
                    self._change(record.node, kind_of, waiting=False, nack=record)

    def _opened(self, node: str, kind: ResourceType | None) -> None:
        """A new stream starts anew: what an earlier one said of its types is no longer so."""
        self._streams[node] = self._streams.get(node, 0) + 1
        types = self._nodes.setdefault(node, {})
        for each in tuple(types) if kind is None else (kind,):
            types.pop(each, None)

    def _closed(self, node: str) -> None:
        left = self._streams.pop(node, 1) - 1
        if left:
            self._streams[node] = left
        else:
            self._nodes.pop(node, None)

    def _change(self, node: NodeInfo, kind: ResourceType, **changes: object) -> None:
        types = self._nodes.setdefault(node.id, {})
        types[kind] = dataclasses.replace(types.get(kind, TypeStatus()), **changes)  # type: ignore[arg-type]

    def nodes(self) -> tuple[str, ...]:
        """The ids of all nodes that are connected, sorted."""
        return tuple(sorted(self._nodes))

    def of(self, node: str) -> Mapping[ResourceType, TypeStatus]:
        """One node's types; empty where it is not connected."""
        return MappingProxyType(self._nodes.get(node, {}))

    def applied(self, node: str, snapshot: Snapshot) -> bool:
        """Whether the node accepted all that the snapshot has for it.

        Listeners and clusters count where there are some or the node was sent some; of the other
        types those that something in the snapshot refers to, since nobody asks for the rest.
        """
        types = self._nodes.get(node)
        return types is not None and all(
            _holds(types.get(kind, TypeStatus()), snapshot.version(kind))
            for kind in ResourceType
            if snapshot.is_needed(kind) or (kind in FULL_STATE and kind in types)
        )


def _holds(status: TypeStatus, version: str) -> bool:
    return status.acked == version and not status.waiting
