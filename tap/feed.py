"""What one Envoy tells → exchanges that may be shown. Sans-IO: decode, join, assemble, redact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from mesh_traffic import Exchange
from tap.access_log import SOURCE as LOG
from tap.access_log import Entry
from tap.assemble import SOURCE as TAP
from tap.assemble import Assembler
from tap.audit import Audit
from tap.coverage import SourceCount
from tap.decode import BufferedTrace, Decoder
from tap.join import WAIT, Half, Joined, Joiner, Seen
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
        self._came = self._traces = self._entries = self._sampled = 0
        self._audits = (Audit(), Audit())  # of traces, of entries
        self._behind, self._late_before = 0.0, 0

    @property
    def counts(self) -> dict[str, SourceCount]:
        """What came of each source. Lost are traces that could not be read or came too late,
        exchanges given out before their end, and what Envoy counted and never came."""
        traces, entries = self._audits
        unread = self._decoder.errors + self._streams.evicted + self._joiner.late
        return {
            TAP: SourceCount(self._traces, unread + traces.missing),
            LOG: SourceCount(self._entries, entries.missing, self._sampled),
        }

    def audit(self, counted: Counters) -> None:
        """Compare Envoy's own counts with what came."""
        traces, entries = self._audits
        if self.tapped:
            traces.look(counted.tapped, self._came)
        if self.logged:
            entries.look(counted.written, self._entries + self._sampled)

    def take_behind(self) -> float:
        """By how much what came since the last time was behind, at most, in seconds."""
        too_late = self._joiner.late > self._late_before
        behind = max(self._behind, WAIT) if too_late else self._behind
        self._behind, self._late_before = 0.0, self._joiner.late
        return behind

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
            self._came += 1
            found += self._streams.receive(trace, now)
        self._came += self._decoder.errors - errors  # unreadable, and lost as such
        self._traces += len(found)
        return self._join(found, now)

    def log(self, entries: Sequence[Entry], now: float, sampled: int = 0) -> list[Exchange]:
        """Entries of the access log came; ``sampled`` more were left out."""
        self.logged = True
        self._entries += len(entries)
        self._sampled += sampled
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

    def _join(self, halves: Sequence[Half], now: float) -> list[Exchange]:
        seen: Sequence[Seen] = halves
        if self.tapped and self.logged:
            joined = self._joiner.receive
            seen = [one for half in halves for one in joined(half, now)]
        if seen:
            self._behind = max(self._behind, _behind(seen[-1], now))
        return self._made(seen, now)

    def _made(self, seen: Iterable[Seen], now: float) -> list[Exchange]:
        exchange = self._assembler.exchange
        return [self._redact(exchange(one, now)) for one in seen]


def _behind(seen: Seen, now: float) -> float:
    """The seconds since the end of a request, which only a log tells."""
    entry = seen.entry if isinstance(seen, Joined) else seen
    if isinstance(entry, BufferedTrace) or entry.duration is None:
        return 0.0
    return now - entry.started - entry.duration
