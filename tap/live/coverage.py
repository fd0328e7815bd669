"""How much of the traffic is seen, as every view tells it: counts by source, and in all."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class SourceCount(Struct, frozen=True):
    """Of one source: what it captured, what of it was lost, and what was left out by sampling."""

    seen: int = 0
    lost: int = 0
    sampled: int = 0

    def __add__(self, other: SourceCount) -> SourceCount:
        return SourceCount(
            self.seen + other.seen, self.lost + other.lost, self.sampled + other.sampled
        )

    def __sub__(self, other: SourceCount) -> SourceCount:
        return SourceCount(
            self.seen - other.seen, self.lost - other.lost, self.sampled - other.sampled
        )


Counts = Mapping[str, SourceCount]  # by the source's name
_NONE = SourceCount()


def total(*counts: Counts) -> dict[str, SourceCount]:
    """The sum of counts, source by source; sources of which nothing was seen are left out."""
    found: dict[str, SourceCount] = {}
    for each in counts:
        for name, count in each.items():
            found[name] = found.get(name, _NONE) + count
    return _without_none(found)


def since(before: Counts, now: Counts) -> dict[str, SourceCount]:
    """What was counted since ``before``."""
    return _without_none({name: count - before.get(name, _NONE) for name, count in now.items()})


def _without_none(counts: Counts) -> dict[str, SourceCount]:
    return {name: count for name, count in counts.items() if count != _NONE}


class Coverage(Struct, frozen=True):
    """How much of the traffic a viewer sees, counted since it came.

    ``watching`` of ``targets`` Envoys are tapped now; ``notes`` say why the others are not.
    ``seen``: captured; ``shown``: of those, matched and handed to the viewer; ``lost``: captured
    and not shown although they might have matched, be it for a full queue or an unreadable trace.
    ``reduced``: handed over without their bodies or headers, which nobody saw, or for a queue that
    was getting full. ``sources``: what came of each. ``less``: what is left out of everything since
    the hub can't keep up, "" for nothing. ``not_stored``: what the store could not take.
    """

    watching: int = 0
    targets: int = 0
    seen: int = 0
    shown: int = 0
    lost: int = 0
    notes: tuple[str, ...] = ()
    reduced: int = 0
    sources: Mapping[str, SourceCount] = {}
    less: str = ""
    not_stored: int = 0

    @property
    def sampled(self) -> int:
        """Requests that were left out on purpose, for the hub to keep up."""
        return sum(count.sampled for count in self.sources.values())
