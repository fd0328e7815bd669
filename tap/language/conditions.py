"""What a filter expression surely implies, as data: for those who can look before they decode.

A store asks SQL first and the predicate afterwards. So a condition may let too much through, and
never too little: whatever the expression matches, its condition holds for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Atom:
    """One term. ``name`` is a field or an operator of ``tap.language.terms``, or ``header`` and
    the header's name; ``sign`` is "" for an operator.

    ``value`` is a number where the field is one (a duration in seconds), else the text as written.
    """

    name: str
    sign: str
    value: str | float


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds."""

    of: tuple[Condition, ...]


Condition = Atom | Every | Some


def every(conditions: list[Condition | None]) -> Condition | None:
    """What is implied when all terms hold: a term that implies nothing takes nothing away."""
    known = tuple(one for one in conditions if one is not None)
    return Every(known) if len(known) > 1 else next(iter(known), None)


def some(conditions: list[Condition | None]) -> Condition | None:
    """What is implied when one term holds: nothing as soon as one term implies nothing."""
    known = tuple(one for one in conditions if one is not None)
    if len(known) < len(conditions):
        return None
    return Some(known) if len(known) > 1 else next(iter(known), None)
