"""What an import has to tell: what it ignored, what it approximated, and what it can't take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place, Problem

P = ParamSpec("P")
A = TypeVar("A")
T = TypeVar("T")

MAX_NAMES = 6  # of a list in a message; the rest is counted


def listed(names: Iterable[str]) -> str:
    """Names, each once, quoted; a long list is cut and counted."""
    unique = list(dict.fromkeys(names))
    shown = ", ".join(map(repr, unique[:MAX_NAMES]))
    rest = len(unique) - MAX_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown


@dataclass(slots=True)
class _Counted:
    """Things of one sort: the first one's place, and how many there are of each kind."""

    place: Place
    kinds: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Notes:
    """Collects problems; what there may be many of is counted and told once."""

    problems: dict[Problem, None] = field(default_factory=dict)  # each once, in order
    _ignored: dict[str, _Counted] = field(default_factory=dict)
    _skipped: dict[str, _Counted] = field(default_factory=dict)
    _seen: set[tuple[str, Place]] = field(default_factory=set)

    def warn(self, place: Place, message: str) -> None:
        self.problems[Problem(place, message, warning=True)] = None

    def ignore(self, kind: str, place: Place) -> None:
        """An object of a kind that a mesh on one machine has no use for."""
        self._ignored.setdefault(place.file, _Counted(place)).kinds[kind] += 1

    def skip(self, what: str, place: Place, owner: str) -> None:
        """A setting that means something, and that this version does not import."""
        self.approximate(f"not imported yet: {what}", place, owner)

    def approximate(self, what: str, place: Place, owner: str) -> None:
        """Something that is not quite as it says; told once for all owners."""
        if (what, place) not in self._seen:
            self._seen.add((what, place))
            self._skipped.setdefault(what, _Counted(place)).kinds[owner] += 1

    def leftovers(self, node: Node, known: Iterable[str], owner: str, prefix: str = "") -> None:
        """Skip every setting of ``node`` that is not ``known`` and says something."""
        for name, value in node.items():
            if name not in known and value.value not in (None, False, "", (), {}):
                self.skip(prefix + name, value.key or value.place, owner)

    def guard(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | None:
        """What ``work`` gives, or ``None`` with its problems noted."""
        try:
            return work(*args, **options)
        except DocumentError as error:
            self.problems |= dict.fromkeys(error.problems)
            return None

    def collected(self, made: Iterable[T]) -> list[T]:
        """All of it, or nothing with its problems noted."""
        return self.guard(list, made) or []

    def each(self, work: Callable[[A], T | None], items: Iterable[A]) -> list[T]:
        """What ``work`` gives for each of them, as far as it gives something; what is wrong with
        one is noted.
        """
        made = (self.guard(work, item) for item in items)
        return [each for each in made if each is not None]

    def finish(self) -> tuple[Problem, ...]:
        """All warnings, the counted ones last.

        Raises:
            DocumentError: with all errors, if there were any.
        """
        errors = [problem for problem in self.problems if not problem.warning]
        if errors:
            raise DocumentError(errors)
        return (*self.problems, *self._counted())

    def _counted(self) -> Iterable[Problem]:
        for what, counted in self._skipped.items():
            message = f"{what} ({_owners(counted.kinds)})"
            yield Problem(counted.place, message, warning=True)
        for counted in self._ignored.values():
            yield Problem(counted.place, f"ignored: {counts(counted.kinds)}", warning=True)


def _owners(owners: Counter[str]) -> str:
    shown = ", ".join(
        f"{count} in {owner}" if count > 1 else owner
        for owner, count in list(owners.items())[:MAX_NAMES]
    )
    rest = len(owners) - MAX_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown


def counts(kinds: Counter[str]) -> str:
    """``5 ServiceAccount, 1 Namespace``."""
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
