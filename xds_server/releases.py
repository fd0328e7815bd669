"""What somebody was given one after the other, what became of it, and where to go back to.

A release is a whole: the snapshot of a group, or those of a whole mesh. It is good when every node
that is connected has accepted all of it. ``back`` returns to the last good one before the current;
what was given up for it is not gone back to. Plain bookkeeping: nothing here serves anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from xds_server.errors import LocalXdsError
from xds_server.resource import ResourceType, short_hash
from xds_server.snapshot import Snapshot

MAX_RELEASES = 20  # that are kept, the current one among them
MAX_MOMENTS = 200  # when one of them became the current; it may be the same one again and again
ID_DIGITS = 6

T = TypeVar("T")


class NoRelease(LocalXdsError):
    """There is nothing good to go back to."""


@dataclass(slots=True, eq=False)
class Release(Generic[T]):
    """One of them. ``at`` is when it was given last, in seconds; ``refused`` is why, by node.

    ``good`` says that all nodes accepted it, ``withdrawn`` that it was given up for an earlier one,
    ``instead_of`` whose place it took when it came back.
    """

    id: str
    content: T
    at: float
    good: bool = False
    withdrawn: bool = False
    instead_of: str = ""
    accepted: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """In a word: ``good``, ``refused``, ``withdrawn``, or ``open`` as long as some think."""
        if self.withdrawn:
            return "withdrawn"
        if self.refused:
            return "refused"
        return "good" if self.good else "open"


class Releases(Generic[T]):
    """The history, oldest first, and who has not made up its mind about the current one."""

    def __init__(self, limit: int = MAX_RELEASES) -> None:
        self._limit = limit
        self._all: list[Release[T]] = []
        self._pending: set[str] = set()
        self._moments: deque[tuple[float, str]] = deque(maxlen=MAX_MOMENTS)
        self.dropped = 0  # old ones that are not remembered any more

    @property
    def current(self) -> Release[T] | None:
        return self._all[-1] if self._all else None

    def all(self) -> tuple[Release[T], ...]:
        """Those that are remembered, oldest first; the last one is the current."""
        return tuple(self._all)

    def at(self, moment: float) -> tuple[Release[T], float, float | None] | None:
        """What was the current one at that time, from when on, and until when if it was replaced.

        ``None``: there was none yet, or it is not remembered any more.
        """
        until: float | None = None
        for since, name in reversed(self._moments):
            if since <= moment:
                found = next((each for each in self._all if each.id == name), None)
                return None if found is None else (found, since, until)
            until = since
        return None

    def add(
        self, name: str, content: T, at: float, nodes: Iterable[str], withdraw: bool = False
    ) -> Release[T]:
        """``content`` is given to these nodes now; the same as before makes no new release.

        With ``withdraw``, the one before is given up for it.
        """
        current = self.current
        if current is not None and current.id == name:
            current.content = content
            self._pending = set(nodes) - current.accepted
            return current
        if withdraw and current is not None:
            current.withdrawn = True
        self._all = [each for each in self._all if each.id != name]
        made = Release(name, content, at)
        self._give(made, nodes)
        return made

    def _give(self, release: Release[T], nodes: Iterable[str]) -> None:
        self._all.append(release)
        self._moments.append((release.at, release.id))
        self._pending = set(nodes)
        if len(self._all) > self._limit:
            target = self.target()
            self._all.pop(1 if self._all[0] is target else 0)
            self.dropped += 1

    def revise(self, change: Callable[[T], T]) -> None:
        """Changes what is in all of them, and nothing else: certificates that were renewed."""
        for each in self._all:
            each.content = change(each.content)

    # what the nodes make of it

    def joined(self, node: str) -> None:
        self._pending.add(node)

    def left(self, node: str) -> None:
        self._pending.discard(node)
        self._settle()

    def awaits(self, node: str) -> bool:
        """Whether the node has not accepted the current release yet."""
        return node in self._pending

    def accepted(self, node: str) -> None:
        """The node has taken all of the current release."""
        if self.current is not None:
            self._pending.discard(node)
            self.current.refused.pop(node, None)
            self.current.accepted.add(node)
            self._settle()

    def refused(self, node: str, why: str, meant: Callable[[T], bool]) -> Release[T] | None:
        """The node refused some of the newest release of which ``meant`` holds, if there is one.

        What it refuses may have been on its way when another release took its place.
        """
        found = next((each for each in reversed(self._all) if meant(each.content)), None)
        if found is not None:
            found.refused[node] = why
            found.good = False
            found.accepted.discard(node)
        return found

    def _settle(self) -> None:
        current = self.current
        if current is not None and current.accepted and not (self._pending or current.refused):
            current.good = True

    # the way back

    def target(self) -> Release[T] | None:
        """The last good one before the current; ``None`` where there is none."""
        earlier = reversed(self._all[:-1])
        return next((each for each in earlier if each.good and not each.withdrawn), None)

    def way_back(self) -> Release[T]:
        """As ``target``. Raises ``NoRelease`` where there is none."""
        target = self.target()
        if target is None:
            raise NoRelease("no earlier config was accepted by every node")
        return target

    def back(self, at: float, nodes: Iterable[str]) -> Release[T]:
        """Makes the last good one the current again. Raises ``NoRelease``."""
        target, current = self.way_back(), self._all[-1]
        current.withdrawn = True
        self._all.remove(target)
        target.at, target.instead_of = at, current.id
        self._give(target, nodes)
        return target


def release_id(*snapshots: Snapshot) -> str:
    """Six hex digits: a hash over the versions of all types, ``6f1c2a``."""
    versions = [each.version(kind) for each in snapshots for kind in ResourceType]
    return short_hash("\n".join(versions).encode())[:ID_DIGITS]
