"""Virtual hosts: by which names a caller reaches a callee, and the rows that apply there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesh_patterns.compile.entry import Host, Row
from mesh_patterns.draft import Draft, Edge, Filter, Match, Rule
from mesh_patterns.place import PatternError
from mesh_patterns.placement import HOST


def edge_filters(draft: Draft, edge: Edge) -> tuple[Filter, ...]:
    """The filters that patterns put on this edge."""
    ends = (edge.caller, edge.callee)
    return tuple(each for each in draft.filters if each.edge == ends)


def rows(draft: Draft, edge: Edge, name: str | None = None) -> Iterator[Row]:
    """The edge's rules under ``name``, and what becomes of the rest."""
    own = edge_filters(draft, edge)
    for rule in edge.rules:
        if name is None or not rule.hosts or name in rule.hosts:
            yield Row(edge, rule, own)
            if not rule.match:
                return  # nothing gets past a rule that matches everything
    if not edge.closed:
        place = edge.split.place if edge.split else edge.place
        yield Row(edge, Rule(Match(), place), own)


def outbound_host(draft: Draft, edge: Edge, port: int) -> Host:
    """What a caller's own Envoy does with requests for one callee.

    The callee is known by its name, by its other hosts, and by a port of its own, so a workload
    that knows nothing of Host headers reaches it too.
    """
    service = draft.mesh.services[edge.callee]
    names = [edge.callee, *service.hosts]
    domains = [
        *names, *(f"{name}:*" for name in names), f"{HOST}:{port}", f"localhost:{port}",
    ]  # fmt: skip
    return Host(edge.callee, tuple(dict.fromkeys(domains)), tuple(rows(draft, edge)), service.place)


def ingress_hosts(draft: Draft, edges: Iterable[Edge]) -> tuple[Host, ...]:
    """What the ingress does: names that lead to the same rows are one virtual host.

    Raises:
        PatternError: two services would answer for everything under one name.
    """
    tables: dict[str, list[Row]] = {}
    for edge in edges:
        declared = draft.mesh.services[edge.callee].ingress
        names = [name for rule in edge.rules for name in rule.hosts]
        for name in dict.fromkeys([*(declared.hosts if declared else ()), *names]):
            tables.setdefault(name, []).extend(rows(draft, edge, name))
    grouped: dict[tuple[int, ...], list[str]] = {}
    ordered = {name: _specific_first(name, table) for name, table in tables.items()}
    for name, table in ordered.items():
        grouped.setdefault(tuple(id(row.rule) for row in table), []).append(name)
    return tuple(_host(names, ordered[names[0]]) for names in grouped.values())


def _host(names: list[str], table: list[Row]) -> Host:
    domains = [domain for name in names for domain in _domains(name)]
    return Host(
        names[0] if names[0] != "*" else "any", tuple(domains), tuple(table), table[0].edge.place
    )


def _domains(name: str) -> tuple[str, ...]:
    return (name,) if "*" in name else (name, f"{name}:*")


def _specific_first(name: str, table: list[Row]) -> list[Row]:
    """Rows that match everything go last, and there is room for one of them."""
    whole = [row for row in table if not row.rule.match]
    callees = {row.edge.callee: row for row in whole}
    if len(callees) > 1:
        first, second = list(callees.values())[:2]
        raise PatternError.at(
            second.edge.place,
            f"{second.edge.callee!r} and {first.edge.callee!r} (at {first.edge.place}) both answer "
            f"for host {name!r} at the ingress; give them hosts or ports of their own, or routes",
        )
    return [row for row in table if row.rule.match] + whole[:1]
