"""Where each node stands: what it was sent, what it accepted, what it refused.

Accepted is not in effect: an Envoy ACKs a listener that it is still warming. What is in effect only
the client itself can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from weakref import WeakKeyDictionary

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
from xds_server.resource import FULL_STATE, ResourceType
from xds_server.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class TypeStatus:
    """``nack`` is the last refusal, until something of the type is accepted again.

    ``waiting``: what was sent last is neither ACKed nor NACKed yet.
    """

    sent: str = ""
    acked: str = ""
    waiting: bool = False
    nack: NackRecord | None = None


@dataclass(slots=True)
class _Type:
    """The same while it changes, in place: twice for each response of each stream."""

    sent: str = ""
    acked: str = ""
    waiting: bool = False
    nack: NackRecord | None = None

    def told(self) -> TypeStatus:
        return TypeStatus(self.sent, self.acked, self.waiting, self.nack)


class Status:
    """Told every event of a server, it knows where each connected node stands.

    Of a node with several streams of one type (Envoy opens one for each name outside of an
    aggregated stream) it knows what was said last on any of them.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, dict[ResourceType, _Type]] = {}
        self._streams: dict[str, int] = {}  # a new stream may open before the old one is gone
        self._askers: set[str] = set()  # nodes that ask for what they happen to need: gRPC's
        self._needed: WeakKeyDictionary[Snapshot, dict[ResourceType, str]] = WeakKeyDictionary()

    def record(self, event: Event) -> None:
        match event:
            case Sent(node=node, type=kind, version=version):
                it = self._type(node.id, kind)
                it.sent, it.waiting = version, True
            case Acked(node=node, type=kind, version=version):
                it = self._type(node.id, kind)
                it.acked, it.waiting, it.nack = version, False, None
            case Current(node=node, type=kind, version=version):
                self._type(node.id, kind).acked = version
            case Nacked(record=record):
                self._refused(record)
            case StreamOpened(node=node, type=kind_or_all):
                self._opened(node.id, kind_or_all)
                (self._askers.add if node.kind == "grpc" else self._askers.discard)(node.id)
            case StreamClosed(node=node):
                self._closed(node.id)

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
            self._askers.discard(node)

    def _refused(self, record: NackRecord) -> None:
        kind = ResourceType.of(record.type_url)
        if kind is not None:
            it = self._type(record.node.id, kind)
            it.waiting, it.nack = False, record

    def _type(self, node: str, kind: ResourceType) -> _Type:
        types = self._nodes.get(node)
        if types is None:
            types = self._nodes[node] = {}
        found = types.get(kind)
        if found is None:
            found = types[kind] = _Type()
        return found

    def nodes(self) -> tuple[str, ...]:
        """The ids of all nodes that are connected, sorted."""
        return tuple(sorted(self._nodes))

    def of(self, node: str) -> Mapping[ResourceType, TypeStatus]:
        """One node's types; empty where it is not connected."""
        types = self._nodes.get(node, {})
        return MappingProxyType({kind: it.told() for kind, it in types.items()})

    def applied(self, node: str, snapshot: Snapshot) -> bool:
        """Whether the node accepted all that the snapshot has for it.

        Listeners and clusters count where there are some or the node was sent some; of the other
        types those that something in the snapshot refers to, since nobody asks for the rest. A gRPC
        client asks for what it calls and no more: of it, what it was sent counts.
        """
        types = self._nodes.get(node)
        if types is None:
            return False
        if node in self._askers:
            return not any(each.waiting or each.nack for each in types.values())
        needed = self._needed_of(snapshot)
        return all(_holds(types.get(kind), version) for kind, version in needed.items()) and all(
            kind in needed or kind not in types or _holds(types[kind], snapshot.version(kind))
            for kind in FULL_STATE
        )

    def _needed_of(self, snapshot: Snapshot) -> Mapping[ResourceType, str]:
        """The version of each type that somebody comes to ask for; worked out once."""
        found = self._needed.get(snapshot)
        if found is None:
            needed = (kind for kind in ResourceType if snapshot.is_needed(kind))
            found = self._needed[snapshot] = {kind: snapshot.version(kind) for kind in needed}
        return found


def _holds(status: _Type | None, version: str) -> bool:
    return status is not None and status.acked == version and not status.waiting
