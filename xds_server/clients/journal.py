"""What happened to each node, kept for a while: what it was sent and when, what it said to it.

Told every event of a server, as ``status.py`` is: that one knows how things stand, this one how
they came to it. Bounded for each node, and in the number of nodes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

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
from xds_server.resource import ResourceType

MAX_ENTRIES = 200  # of each node; the oldest make room
MAX_NODES = 1_000  # the one that was silent for longest makes room
MAX_NAMES = 5  # of the resources in a response; how many there were is kept


@dataclass(frozen=True, slots=True)
class Entry:
    """``what`` is ``opened``, ``sent``, ``acked``, ``current``, ``nacked`` or ``closed``.

    ``at`` is in seconds, ``milliseconds`` the time between a response and the answer to it.
    ``type`` is the message's own name, empty on an aggregated stream. ``text`` is the client's
    complaint, or why its stream ended; ``place`` the line that made what it complains about.
    """

    at: float
    what: str
    type: str = ""
    version: str = ""
    names: tuple[str, ...] = ()
    count: int = 0
    milliseconds: float | None = None
    text: str = ""
    place: str | None = None


@dataclass(slots=True)
class _Pages:
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=MAX_ENTRIES))
    sent_at: dict[str, float] = field(default_factory=dict)  # by type, what is not answered yet
    written: int = 0


class Journal:
    """The entries of each node, oldest first."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Pages] = {}

    def nodes(self) -> tuple[str, ...]:
        """Those of which something is remembered, sorted."""
        return tuple(sorted(self._nodes))

    def of(self, node: str) -> tuple[Entry, ...]:
        pages = self._nodes.get(node)
        return tuple(pages.entries) if pages else ()

    def dropped(self, node: str) -> int:
        """How many older entries of the node are not remembered any more."""
        pages = self._nodes.get(node)
        return pages.written - len(pages.entries) if pages else 0

    def record(self, event: Event) -> None:
        match event:
            case Sent(node, kind, version, names, at):
                pages = self._pages(node.id)
                pages.sent_at[kind.title] = at
                shown = names[:MAX_NAMES]
                _write(pages, Entry(at, "sent", kind.title, version, shown, len(names)))
            case Acked(node, kind, version, at):
                pages = self._pages(node.id)
                spent = _answered(pages, kind.title, at)
                _write(pages, Entry(at, "acked", kind.title, version, milliseconds=spent))
            case Current(node, kind, version, at):
                _write(self._pages(node.id), Entry(at, "current", kind.title, version))
            case Nacked(record, at):
                self._nacked(record, at)
            case StreamOpened() | StreamClosed():
                self._stream(event)

    def _nacked(self, record: NackRecord, at: float) -> None:
        pages, kind = self._pages(record.node.id), ResourceType.of(record.type_url)
        title = kind.title if kind else record.type_url
        spent = _answered(pages, title, at)
        names = (record.resource,) if record.resource else ()
        entry = Entry(
            at, "nacked", title, record.version, names, len(names), spent, record.text, record.place
        )
        _write(pages, entry)

    def _stream(self, event: StreamOpened | StreamClosed) -> None:
        pages, title = self._pages(event.node.id), event.type.title if event.type else ""
        pages.sent_at.clear()
        if isinstance(event, StreamOpened):
            _write(pages, Entry(event.at, "opened", title, text=event.variant))
        else:
            _write(pages, Entry(event.at, "closed", title, text=event.reason))

    def _pages(self, node: str) -> _Pages:
        pages = self._nodes.pop(node, None) or _Pages()
        self._nodes[node] = pages  # the last is the one that spoke last
        if len(self._nodes) > MAX_NODES:
            del self._nodes[next(iter(self._nodes))]
        return pages


def _write(pages: _Pages, entry: Entry) -> None:
    pages.entries.append(entry)
    pages.written += 1


def _answered(pages: _Pages, title: str, at: float) -> float | None:
    """Milliseconds since the response; a NACK's further records have none of their own."""
    sent_at = pages.sent_at.pop(title, None)
    return (at - sent_at) * 1000 if sent_at is not None else None
