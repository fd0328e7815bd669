"""Paths into JSON: ``$.user.ssn``, ``user.cards[*].number``, ``$..iban``, ``['odd key'][0]``.

A part of RFC 9535: names, indexes, ``*`` and ``..``; no filters, slices or unions. All paths are
walked at once: a place in a document is the set of the (path, step)s that lead there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_STEPS = 50
MAX_KEY = 256  # bytes of a key whose steps are remembered

States = frozenset[tuple[int, int]]

_STEP = re.compile(
    r"""(?P<deep>\.\.)?(?:
      (?:(?<=\.)|\.|\A)(?P<name>[^\W\d][\w-]*|\*)
    | \[(?:(?P<index>\d{1,9})|(?P<any>\*)|'(?P<single>[^'\\]+)'|"(?P<double>[^"\\]+)")\]
    )""",
    re.VERBOSE,
)


class PathError(ValueError):
    """No path; ``column`` counts from 1, within the path."""

    def __init__(self, message: str, column: int) -> None:
        self.column = column
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Step:
    """To the value under ``key``: a name, an index, None for any; ``deep``: however far below."""

    key: bytes | int | None
    deep: bool = False

    def takes(self, key: bytes | int) -> bool:
        return self.key is None or self.key == key


def parse(path: str) -> tuple[Step, ...]:
    """Raises PathError."""
    at = 1 if path.startswith("$") else 0
    steps: list[Step] = []
    while at < len(path):
        found = _STEP.match(path, at) if at or path[:1] != "." else None
        if found is None:
            wanted = "expected .name, ['name'], [0], [*] or .."
            raise PathError(
                f"{path!r}: {wanted} at column {at + 1}, got {path[at:][:20]!r}", at + 1
            )
        steps.append(_step(found))
        at = found.end()
    if not steps:
        raise PathError(f"{path!r} names nothing", 1)
    if len(steps) > MAX_STEPS:
        raise PathError(f"{len(steps)} steps, at most {MAX_STEPS} are taken", 1)
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    deep = found["deep"] is not None
    if found["index"] is not None:
        return Step(int(found["index"]), deep)
    name = found["name"] or found["single"] or found["double"] or "*"
    is_any = found["name"] == "*" or found["any"] is not None
    return Step(None if is_any else name.encode(), deep)


class Paths:
    """Several paths, walked at once."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = [parse(path) for path in paths]
        self.start: States = frozenset((path, 0) for path in range(len(self._paths)))
        self._remembered = lru_cache(maxsize=4096)(self._step)
        self.words = self._words()

    def _words(self) -> tuple[bytes, ...]:
        """Of each path a name without which it leads nowhere; b"" where it has none."""
        names = [[s.key for s in path if isinstance(s.key, bytes)] for path in self._paths]
        return tuple(max(them, key=len) if them else b"" for them in names)

    def may_be_in(self, data: bytes) -> bool:
        """Whether a document could have one of the paths; an escape could be anything."""
        return bool(self._paths) and (b"\\u" in data or any(word in data for word in self.words))

    def step(self, states: States, key: bytes | int) -> States:
        """From a place to the value under ``key`` of it."""
        if isinstance(key, bytes) and len(key) > MAX_KEY:
            return self._step(states, key)  # not worth remembering, and who knows how long
        return self._remembered(states, key)

    def _step(self, states: States, key: bytes | int) -> States:
        found = set()
        for path, at in states:
            steps = self._paths[path]
            if at == len(steps):
                found.add((path, at))  # below what is secret, all is
                continue
            if steps[at].deep:
                found.add((path, at))
            if steps[at].takes(key):
                found.add((path, at + 1))
        return frozenset(found)

    def reached(self, states: States) -> bool:
        return any(at == len(self._paths[path]) for path, at in states)
