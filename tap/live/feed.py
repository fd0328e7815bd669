"""What one Envoy tells → exchanges that may be shown. Sans-IO: decode, join, assemble, redact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from mesh_traffic import Exchange
from tap.access_log import SOURCE as LOG
from tap.access_log import Entry
from tap.assemble import SOURCE as TAP
from tap.assemble import Assembler
from tap.ext_proc.collect import SOURCE as EXT_PROC
from tap.ext_proc.collect import Collector, Stream
from tap.ext_proc.opening import Opening
from tap.join import WAIT, Half, Joined, Joiner, Seen
from tap.live.audit import Audit
from tap.live.coverage import SourceCount
from tap.live.push import lets_through
from tap.sockets.assemble import SOURCE as SOCKETS
from tap.sockets.assemble import Sockets
from tap.sockets.join import SocketJoiner
from tap.sockets.traces import SocketTrace
from tap.sources.counters import Counters
from tap.topology import Topology
from tap.traces.decode import BufferedTrace, Decoder
from tap.traces.request import ANY, BODY_BYTES, Rule
from tap.traces.streamed import Streams

BEGINS = 0.25  # seconds from a request's first byte until its filters are there, at most


class Feed:
    """The way of one Envoy's captures to the hub; counts what got lost on it.

    ``tapped`` and ``logged`` say which of the two sources is there now: while both are, an exchange
    is what both saw of it. A log is there from the start where one is expected. ``sockets``: the
    tap is of transport sockets, and those are what the log is joined with.
    """

    def __init__(
        self,
        node: str,
        topology: Topology,
        ids: Iterator[str],
        redact: Callable[[Exchange], Exchange],
        logged: bool = False,
        sockets: bool = False,
    ) -> None:
        self.tapped = False
        self.logged = logged
        self._asked = False  # for a tap, which may be there before we hear of it
        self._match: Rule = ANY  # which requests the tap is asked for
        self._since = 0.0  # and since when
        self._decoder = Decoder()
        self._streams = Streams()
        self._collector = Collector()
        self._joiner = Joiner()
        self._sockets = Sockets(node, ids, BODY_BYTES)
        self._pairs = SocketJoiner() if sockets else None
        self._assembler = Assembler(node, topology, ids)
        self._redact = redact
        self._came = self._traces = self._processed = self._heard = 0
        self._entries = self._sampled = 0
        self._audits = (Audit(), Audit())  # of traces, of entries
        self._behind, self._late_before = 0.0, 0

    @property
    def counts(self) -> dict[str, SourceCount]:
        """What came of each source. Lost are traces that could not be read or came too late,
        exchanges given out before their end, and what Envoy counted and never came."""
        traces, entries = self._audits
        unread = self._decoder.errors + self._collector.errors
        unheard = self._sockets.lost + (self._pairs.late if self._pairs is not None else 0)
        lost = {TAP: self._streams.evicted, EXT_PROC: 0, SOCKETS: unheard}
        lost[EXT_PROC if self._collector.begun else TAP] += self._joiner.late
        lost[self._detailed] += unread + traces.missing
        return {
            TAP: SourceCount(self._traces, lost[TAP]),
            EXT_PROC: SourceCount(self._processed, lost[EXT_PROC]),
            SOCKETS: SourceCount(self._heard, lost[SOCKETS]),
            LOG: SourceCount(self._entries, entries.missing, self._sampled),
        }

    @property
    def _detailed(self) -> str:
        """The source of headers and bodies, of which there is one."""
        if self._pairs is not None:
            return SOCKETS
        return EXT_PROC if self._collector.begun else TAP

    @property
    def came(self) -> tuple[int, int]:
        """How many traces, or streams that tell of a request, and entries came so far."""
        return self._came + self._collector.begun, self._entries + self._sampled

    def audit(self, counted: Counters, came: tuple[int, int]) -> None:
        """Compare Envoy's own counts with what came; ``came`` is that from before it was asked."""
        traces, entries = self._audits
        if self.tapped:
            traces.look(counted.tapped + counted.processed, self.came[0], came[0])
        if self.logged:
            entries.look(counted.written, self._entries + self._sampled, came[1])

    def take_behind(self) -> float:
        """By how much what came since the last time was behind, at most, in seconds."""
        late = self._joiner.late + (self._pairs.late if self._pairs is not None else 0)
        behind = max(self._behind, WAIT) if late > self._late_before else self._behind
        self._behind, self._late_before = 0.0, late
        return behind

    @property
    def waiting(self) -> int:
        """How many exchanges wait: for their other half, or for a streamed trace's end."""
        processed = len(self._streams) + len(self._collector)
        return len(self._joiner) + processed + len(self._pairs or ())

    def learn(self, topology: Topology) -> None:
        self._assembler.topology = topology

    def ask(self, match: Rule, now: float) -> None:
        """From ``now`` on, and not before, the tap is asked for the requests that ``match`` lets
        through."""
        self._asked, self._match, self._since = True, match, now - BEGINS

    def receive(self, data: bytes, now: float) -> list[Exchange]:
        """Bytes of the tap came, at ``now`` (epoch seconds)."""
        found: list[BufferedTrace] = []
        heard: list[Exchange] = []
        errors = self._decoder.errors
        for trace in self._decoder.feed(data):
            self._came += 1
            if isinstance(trace, SocketTrace):
                heard += self._sockets.receive(trace, self._assembler.topology, now)
            else:
                found += self._streams.receive(trace, now)
        self._came += self._decoder.errors - errors  # unreadable, and lost as such
        self._traces += len(found)
        return [*self._join(found, now), *self._hear(heard, now)]

    def open(self, opening: Opening, now: float) -> Stream | None:
        """A stream of ext_proc begins; None: nobody wants it, or it can't be read."""
        if self.tapped:
            return self._collector.open(opening, now)
        self._collector.skip()
        return None

    def close(self, stream: Stream, now: float) -> list[Exchange]:
        """The stream is over, and it may have told something."""
        return self._collected(self._collector.close(stream), now)

    def _collected(self, traces: Sequence[BufferedTrace], now: float) -> list[Exchange]:
        self._processed += len(traces)
        return self._join(traces, now)

    def log(self, entries: Sequence[Entry], now: float, sampled: int = 0) -> list[Exchange]:
        """Entries of the access log came; ``sampled`` more were left out."""
        self.logged = True
        self._entries += len(entries)
        self._sampled += sampled
        if self._pairs is not None:
            self._behind = max(self._behind, *(_behind(each, now) for each in entries), 0.0)
            return self._pair([self._assembler.exchange(each, now) for each in entries], now)
        self._collector.logged(entries, now)
        return self._join(entries, now)

    def tick(self, now: float) -> list[Exchange]:
        """Those that went silent, and those whose other half did not come."""
        exchanges = self._join(self._streams.tick(now), now)
        exchanges += self._collected(self._collector.tick(now), now)
        return [*exchanges, *self._made(self._joiner.tick(now), now), *self._unpaired(now)]

    def interrupt(self) -> None:
        """The tap's stream is over, and a new one begins at once."""
        self._decoder.close()

    def cut(self, now: float) -> list[Exchange]:
        """The tap is gone: what is left of its exchanges."""
        self._decoder.close()
        self._collector.drop()  # their entries of the access log come alone
        exchanges = self._join(self._streams.flush(), now)
        exchanges += self._hear(self._sockets.flush(self._assembler.topology), now)
        self.tapped = self._asked = False
        self._since = now - BEGINS
        return [*exchanges, *self._made(self._joiner.flush(), now), *self._unpaired()]

    def end_log(self, now: float) -> list[Exchange]:
        """Its stream is over: what waited for it. An Envoy that lives, or comes back, opens another
        with its next entry; what it hands out until then has a half to wait for, too."""
        return [*self._made(self._joiner.flush(), now), *self._unpaired()]

    def _hear(self, exchanges: Sequence[Exchange], now: float) -> list[Exchange]:
        """What sockets saw."""
        self._heard += len(exchanges)
        return self._pair(exchanges, now)

    def _pair(self, halves: Sequence[Exchange], now: float) -> list[Exchange]:
        """What sockets saw, or the log, joined with the other."""
        if self._pairs is not None and self._both:
            receive = self._pairs.receive
            halves = [one for half in halves for one in receive(half, now)]
        return [self._redact(one) for one in halves]

    def _unpaired(self, now: float = float("inf")) -> list[Exchange]:
        """Those whose other half did not come until then."""
        left = self._pairs.tick(now) if self._pairs is not None else []
        return [self._redact(one) for one in left]

    def _join(self, halves: Sequence[Half], now: float) -> list[Exchange]:
        seen: Sequence[Seen] = halves
        both = self._both
        if both or self._joiner.remembers:
            joined, expects = self._joiner.receive, self._is_tapped
            seen = [x for half in halves for x in joined(half, now, both and expects(half))]
        if seen:
            self._behind = max(self._behind, _behind(seen[-1], now))
        return self._made(seen, now)

    @property
    def _both(self) -> bool:
        """Whether either source may tell of what the other tells."""
        return self.logged and (self.tapped or self._asked)

    def _is_tapped(self, half: Half) -> bool:
        """Whether there is a trace of it, or may be."""
        if isinstance(half, BufferedTrace):
            return True
        return half.started >= self._since and lets_through(self._match, half)

    def _made(self, seen: Iterable[Seen], now: float) -> list[Exchange]:
        exchange = self._assembler.exchange
        return [self._redact(exchange(one, now)) for one in seen]


def _behind(seen: Seen, now: float) -> float:
    """The seconds since the end of a request, which only a log tells."""
    entry = seen.entry if isinstance(seen, Joined) else seen
    if isinstance(entry, BufferedTrace) or entry.duration is None:
        return 0.0
    return now - entry.started - entry.duration
