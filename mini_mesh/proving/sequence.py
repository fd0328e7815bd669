"""Who is away from claim to claim: that nobody is stopped who is not there, or started who is. No
I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_patterns.beside import SERVICES
from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec
from mesh_patterns.selector import target
from mesh_yaml.place import DocumentError, Place, Problem


def check(draft: Draft) -> None:
    """Raises DocumentError with all that can't be."""
    problems = list(_problems(draft))
    if problems:
        raise DocumentError(problems)


def _problems(draft: Draft) -> Iterator[Problem]:
    away: set[str] = set()
    for claim in draft.mesh.claims:
        for name, place in _named(claim, "start"):
            parts = _parts(draft, name, place)
            if not parts & away:
                yield Problem(place, f"{name!r} is not away: no claim before has stopped it")
            away -= parts
        for name, place in _named(claim, "stop"):
            yield from _stopped(draft, claim, name, place, away)
            away |= _parts(draft, name, place)
        yield from _meanwhile(draft, claim, away)


def _named(claim: ClaimSpec, key: str) -> Iterable[tuple[str, Place]]:
    return [(name, claim.place(key, i)) for i, name in enumerate(getattr(claim, key))]


def _meanwhile(draft: Draft, claim: ClaimSpec, away: set[str]) -> Iterator[Problem]:
    """Of a claim's ``during``; whom that stops is back when the claim has ended."""
    now = set(away)
    for i, each in enumerate(claim.during):
        place = claim.place("during", i)
        if each.action == "stop":
            yield from _stopped(draft, claim, each.what, place, now)
            now |= _parts(draft, each.what, place)
        elif each.action == "start":
            parts = _parts(draft, each.what, place)
            if not parts & now:
                yield Problem(place, f"{each.what!r} is not away: nothing before has stopped it")
            now -= parts


def _stopped(
    draft: Draft, claim: ClaimSpec, name: str, place: Place, away: set[str]
) -> Iterator[Problem]:
    if _parts(draft, name, place) <= away:
        yield Problem(place, f"{name!r} is away already")
    if name in SERVICES and name not in draft.beside and claim.with_ is None:
        yield Problem(place, f"no pattern asks {name!r}, so it does not run")


def _parts(draft: Draft, name: str, place: Place) -> set[str]:
    """The workloads that a name stands for, or a service beside the Envoys."""
    if name in SERVICES:
        return {name}
    return {each.id for each in target(draft.mesh, name, place).instances(draft.mesh)}
