"""What one Envoy tells → exchanges that may be shown. Sans-IO: decode, join, assemble, redact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from mesh_traffic import Exchange
from tap.access_log import Entry
from tap.assemble import Assembler
from tap.audit import Audit
from tap.decode import BufferedTrace, Decoder
from tap.join import Joiner, Seen
from tap.sources.counters import Counters
from tap.streamed import Streams
from tap.topology import Topology


class Feed:
    """The way of one Envoy's captures to the hub; counts what got lost on it.

    ``tapped`` and ``logged`` say which of the two sources is there now: while both are, an exchange
    is what both saw of it. A log is there from the start where one is expected.
    """

    def __init__(
        self,
        node: str,
        topology: Topology,
        ids: Iterator[str],
        redact: Callable[[Exchange], Exchange],
        logged: bool = False,
    ) -> None:
        self.tapped = False
        self.logged = logged
        self._decoder = Decoder()
        self._streams = Streams()
        self._joiner = Joiner()
        self._assembler = Assembler(node, topology, ids)
        self._redact = redact
        self._traces = self._entries = 0
        self._audits = (Audit(), Audit())  # of traces, of entries

    @property
    def lost(self) -> int:
        """Traces that could not be read or came too late, exchanges given out before their end,
        and what Envoy counted and never came."""
        unread = self._decoder.errors + self._streams.evicted + self._joiner.late
        return unread + sum(audit.missing for audit in self._audits)

    def audit(self, counted: Counters) -> None:
        """Compare Envoy's own counts with what came."""
        traces, entries = self._audits
        if self.tapped:
            traces.look(counted.tapped, self._traces)
        if self.logged:
            entries.look(counted.written, self._entries)

    @property
    def waiting(self) -> int:
        """How many exchanges wait: for their other half, or for a streamed trace's end."""
        return len(self._joiner) + len(self._streams)

    def learn(self, topology: Topology) -> None:
        self._assembler.topology = topology

    def receive(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the tap came, at ``now`` (epoch seconds)."""
        found: list[BufferedTrace] = []
        errors = self._decoder.errors
        for trace in self._decoder.feed(data):
            self._traces += 1
            found += self._streams.receive(trace, now)
        self._traces += self._decoder.errors - errors  # it came, and is counted as unreadable
        return self._join(found, now)

    def log(self, entries: Sequence[Entry], now: float) -> list[Exchange]:
        """Entries of the access log came."""
        self.logged = True
        self._entries += len(entries)
        return self._join(entries, now)

    def tick(self, now: float) -> list[Exchange]:
        """Those that went silent, and those whose other half did not come."""
        exchanges = self._join(self._streams.tick(now), now)
        return [*exchanges, *self._made(self._joiner.tick(now), now)]

    def interrupt(self) -> None:
        """The tap's stream is over, and a new one begins at once."""
        self._decoder.close()

    def cut(self, now: float) -> list[Exchange]:
        """The tap is gone: what is left of its exchanges."""
        self._decoder.close()
        exchanges = self._join(self._streams.flush(), now)
        self.tapped = False
        return [*exchanges, *self._made(self._joiner.flush(), now)]

    def end_log(self, now: float) -> list[Exchange]:
        """The access log is gone: what waited for it."""
        self.logged = False
        return self._made(self._joiner.flush(), now)

    def _join(self, halves: Iterable[BufferedTrace | Entry], now: float) -> list[Exchange]:
        if self.tapped and self.logged:
            joined = self._joiner.receive
            return self._made([one for half in halves for one in joined(half, now)], now)
        return self._made(halves, now)

    def _made(self, seen: Iterable[Seen], now: float) -> list[Exchange]:
        exchange = self._assembler.exchange
        return [self._redact(exchange(one, now)) for one in seen]
