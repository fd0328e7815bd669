"""Routes that no request can ever take: their conditions clash, or an earlier one takes all.

Envoy takes the first route of a virtual host whose conditions hold. Only what is proven is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from debugger.doctor.finding import Finding
from debugger.doctor.ills.conditions import Condition, clash, follows, header, parameter
from debugger.doctor.ills.paths import KINDS, Path, impossible, path_of, takes_all
from debugger.doctor.parts import RouteTable, tables
from debugger.doctor.picture import Picture

MAX_COMPARED = 1_000_000  # pairs of routes in one virtual host; beyond it the rest is not looked at

_KNOWN = frozenset({*KINDS, "case_sensitive", "headers", "query_parameters"})


@dataclass(frozen=True, slots=True)
class Match:
    """A ``RouteMatch``: its path, its conditions, and what else it says, word for word."""

    path: Path
    headers: tuple[Condition, ...]
    parameters: tuple[Condition, ...]
    rest: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, match: Mapping[str, Any]) -> Match:
        return cls(
            path_of(match),
            tuple(map(header, match.get("headers", ()))),
            tuple(map(parameter, match.get("query_parameters", ()))),
            tuple(sorted((key, repr(each)) for key, each in match.items() if key not in _KNOWN)),
        )

    @property
    def by_chance(self) -> bool:
        """Whether it may say no to a request for which all its conditions hold."""
        return any(key == "runtime_fraction" for key, _ in self.rest)


def takes_all_of(first: Match, second: Match) -> bool:
    """Whether each request that meets the second's conditions meets the first's."""
    return (
        not first.by_chance
        and takes_all(first.path, second.path)
        and set(first.rest) <= set(second.rest)
        and all(follows(each, second.headers) for each in first.headers)
        and all(follows(each, second.parameters) for each in first.parameters)
    )


def never(match: Match) -> str:
    """Why no request ever meets the conditions; empty where one may."""
    if why := impossible(match.path):
        return why
    for what, clashing in (
        ("header", clash(match.headers)),
        ("query parameter", clash(match.parameters, once=True)),
    ):
        if clashing:
            one, two = clashing
            return f"{what} {one.name!r} has to be {_said(one)} and {_said(two)} at once"
    return ""


def _said(condition: Condition) -> str:
    words = condition.kind if not condition.value else f"{condition.kind} {condition.value!r}"
    return f"not {words}" if condition.inverted else words


def never_matching(picture: Picture) -> Iterator[Finding]:
    """Routes whose own conditions can't hold together."""
    for node, table in _tables(picture):
        for index, route in enumerate(table.routes):
            if why := never(Match.of(route.get("match", {}))):
                yield Finding(
                    node,
                    f"route {index + 1} of virtual host {table.host!r} can never match",
                    (why,),
                    table.place(index),
                    "correct the condition, or take the route away",
                )


def shadowed(picture: Picture) -> Iterator[Finding]:
    """Routes all of whose requests an earlier one takes."""
    for node, table in _tables(picture):
        matches = [Match.of(each.get("match", {})) for each in table.routes]
        for first, second in _pairs(matches):
            if not table.has_place(second):
                continue  # what comes after all rules where nobody wrote anything
            place = table.place(first)
            yield Finding(
                node,
                f"route {second + 1} of virtual host {table.host!r} is never reached: "
                f"route {first + 1} takes all its requests",
                (
                    f"route {first + 1} ({_shown(table, first)}){f' at {place}' if place else ''}",
                    f"route {second + 1} ({_shown(table, second)})",
                ),
                table.place(second),
                "put the narrower one first",
            )


def _pairs(matches: list[Match]) -> Iterator[tuple[int, int]]:
    """Each route that is shadowed, with the first that does it."""
    compared = 0
    for second, match in enumerate(matches):
        if never(match):
            continue
        for first in range(second):
            compared += 1
            if compared > MAX_COMPARED:
                return
            if takes_all_of(matches[first], match):
                yield first, second
                break


def _shown(table: RouteTable, index: int) -> str:
    match = table.routes[index].get("match", {})
    path = path_of(match)
    also = [f"{len(match[key])} {key}" for key in ("headers", "query_parameters") if key in match]
    return ", ".join((f"{path.kind} {path.text}".strip(), *also)).replace("_", " ")


def _tables(picture: Picture) -> Iterator[tuple[str, RouteTable]]:
    for node in picture.nodes:
        for table in tables(node.pushed):
            yield node.name, table
