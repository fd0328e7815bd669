"""The rows of a route table, told so that gRPC looks at each request as Envoy would.

One row may become several: gRPC's fault filter knows no condition, so a fault ``when`` some header
is there is a row of its own before the row without; and gRPC takes no absent header for an empty
one, so a match that must not hold is a row for another value, and one for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mesh_patterns.compile.entry import Row
from mesh_patterns.compile.filters import OF_RULES
from mesh_patterns.draft import Fault, Filter, Match
from mesh_patterns.grpc_limits import METHOD, can_match
from mesh_yaml.matching import StringMatch

HeaderMatches = tuple[tuple[str, StringMatch], ...]

_ABSENT = StringMatch("present", invert=True)


@dataclass(frozen=True, slots=True)
class GrpcRow:
    """A row, what it matches, and the faults that only it has, by their filters' names."""

    row: Row
    match: Match
    faults: Mapping[str, Fault]


def lowered(rows: Iterable[Row]) -> Iterator[GrpcRow]:
    """The rows that a gRPC client can look at, in order."""
    for row in rows:
        own = row.rule.settings.get("fault")
        first = GrpcRow(row, row.rule.match, {OF_RULES["fault"]: own.value} if own else {})
        for each in _with_conditions(first, [f for f in row.filters if conditional(f)]):
            yield from _reached(each)


def conditional(each: Filter) -> bool:
    """Whether the filter is a fault that some requests do not meet because of their headers."""
    return each.kind == "fault" and bool(each.config.headers)


def _with_conditions(row: GrpcRow, faults: list[Filter]) -> Iterator[GrpcRow]:
    """The row for requests that meet the faults, and after each the one for those that do not."""
    if not faults:
        yield row
        return
    first, *rest = faults
    narrower = replace(row.match, headers=(*row.match.headers, *first.config.headers))
    met = {**row.faults, first.name: replace(first.config, headers=())}
    yield from _with_conditions(replace(row, match=narrower, faults=met), rest)
    yield from _with_conditions(row, rest)


def _reached(row: GrpcRow) -> Iterator[GrpcRow]:
    """The row, if a gRPC request can be one of its, without what is so for all of them."""
    method = row.match.method
    if not can_match(row.match) or not (method is None or method.any_holds([METHOD])):
        return
    for headers in present_or_not(row.match.headers):
        yield replace(row, match=replace(row.match, method=None, headers=headers))


def present_or_not(headers: HeaderMatches, start: int = 0) -> Iterator[HeaderMatches]:
    """The same as alternatives, none of which says of an absent header what it must not be."""
    for at, (name, wanted) in enumerate(headers[start:], start):
        if wanted.invert and wanted.kind != "present":
            yield from present_or_not(headers, at + 1)
            absent = (*headers[:at], (name, _ABSENT), *headers[at + 1 :])
            yield from present_or_not(absent, at + 1)
            return
    yield headers
