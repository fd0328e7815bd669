"""A hop: one request from a caller to a callee, as all who saw it tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mesh_traffic import Exchange


@dataclass(slots=True, eq=False)
class Hop:
    """``sent`` is the caller's view, None if nobody saw it go; ``arrived`` are the callee's, one
    for each try that came to it, in their order. ``then`` are the hops that the callee made of
    it."""

    sent: Exchange | None
    arrived: list[Exchange] = field(default_factory=list)
    then: list[Hop] = field(default_factory=list)

    @property
    def exchange(self) -> Exchange:
        """The view that tells most: the caller's, or else that of the last try."""
        return self.sent or self.arrived[-1]

    @property
    def started(self) -> float:
        return (self.sent or self.arrived[0]).started

    def views(self) -> Iterator[Exchange]:
        """All that was seen of it."""
        if self.sent is not None:
            yield self.sent
        yield from self.arrived

    def walk(self) -> Iterator[Hop]:
        """This hop and all below it, in their order."""
        waiting = [self]
        while waiting:
            hop = waiting.pop()
            yield hop
            waiting += reversed(hop.then)
