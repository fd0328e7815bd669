"""One Envoy's bytes → exchanges that may be shown. Sans-IO: decode, assemble, redact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_traffic import Exchange
from tap.assemble import Assembler
from tap.decode import Decoder
from tap.redact import Redactor
from tap.topology import Topology


class Feed:
    """The way of one Envoy's captures to the hub; counts what got lost on it."""

    def __init__(self, node: str, topology: Topology, ids: Iterator[str], redact: Redactor) -> None:
        self._decoder = Decoder()
        self._assembler = Assembler(node, topology, ids)
        self._redact = redact

    @property
    def lost(self) -> int:
        """Traces that could not be read, and exchanges given out before their end."""
        return self._decoder.errors + self._assembler.incomplete

    def learn(self, topology: Topology) -> None:
        self._assembler.topology = topology

    def receive(self, data: bytes, now: float) -> list[Exchange]:
        exchanges: list[Exchange] = []
        for trace in self._decoder.feed(data):
            exchanges += self._assembler.receive(trace, now)
        return self._clean(exchanges)

    def tick(self, now: float) -> list[Exchange]:
        """Those that went silent."""
        return self._clean(self._assembler.tick(now))

    def cut(self, now: float) -> list[Exchange]:
        """The source is gone: what is left of its exchanges."""
        self._decoder.close()
        return self._clean(self._assembler.flush(now))

    def _clean(self, exchanges: Iterable[Exchange]) -> list[Exchange]:
        return [self._redact(exchange) for exchange in exchanges]
