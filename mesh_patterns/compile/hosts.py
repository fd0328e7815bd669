"""Virtual hosts: by which names a caller reaches a callee, and the rows that apply there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mesh_patterns.compile.entry import Host, Row
from mesh_patterns.draft import Draft, Edge, Filter, Match, Rule
from mesh_patterns.placement import HOST
from mesh_yaml.place import DocumentError


def edge_filters(draft: Draft, edge: Edge) -> tuple[Filter, ...]:
    """The filters that patterns put on this edge."""
    return tuple(draft.filters_on(edge))


Tables = Mapping[str, list[Row]]  # the rows under each name


def tables(draft: Draft, edge: Edge, names: Iterable[str]) -> Tables:
    """The edge's rules under ``names`` and those of its rules, and what becomes of the rest."""
    own = edge_filters(draft, edge)
    rest = Rule(Match(), edge.split.place if edge.split else edge.place)
    rules = edge.rules if edge.closed else [*edge.rules, rest]
    everything = dict.fromkeys([*names, *(name for rule in edge.rules for name in rule.hosts)])
    return {
        name: [Row(edge, rule, draft, own) for rule in _reached(rules, name)] for name in everything
    }


def _reached(rules: Iterable[Rule], name: str) -> Iterator[Rule]:
    for rule in rules:
        if not rule.hosts or name in rule.hosts:
            yield rule
            if not rule.match:
                return  # nothing gets past a rule that matches everything


def outbound_hosts(draft: Draft, edge: Edge, port: int | None) -> Iterator[Host]:
    """What a caller's own Envoy does with requests for one callee, or a caller without one.

    The callee is known by its name, by its other hosts, and by a port of its own, so a workload
    that knows nothing of Host headers reaches it too.
    """
    service, own = draft.mesh.services[edge.callee], edge.callee.lower()
    found = tables(draft, edge, [own, *service.hosts])
    for names in _grouped(found):
        domains = [*names, *(f"{name}:*" for name in names)]
        if port is not None and own in names:
            domains += [f"{HOST}:{port}", f"localhost:{port}"]
        title = edge.callee if own in names else names[0]
        yield Host(title, tuple(domains), tuple(found[names[0]]), service.place)


def ingress_hosts(draft: Draft, edges: Iterable[Edge]) -> Iterator[Host]:
    """What the ingress does with requests for several.

    Raises:
        DocumentError: two services would answer for everything under one name.
    """
    whole: dict[str, list[Row]] = {}
    for edge in edges:
        declared = draft.mesh.services[edge.callee].ingress
        for name, table in tables(draft, edge, declared.hosts if declared else ()).items():
            whole.setdefault(name, []).extend(table)
    ordered = {name: _specific_first(name, table) for name, table in whole.items()}
    for names in _grouped(ordered):
        yield _host(names, ordered[names[0]])


def _grouped(found: Tables) -> Iterable[list[str]]:
    """Names that lead to the same rows are one virtual host."""
    grouped: dict[tuple[int, ...], list[str]] = {}
    for name, table in found.items():
        grouped.setdefault(tuple(id(row.rule) for row in table), []).append(name)
    return grouped.values()


def _host(names: list[str], table: list[Row]) -> Host:
    domains = [domain for name in names for domain in _domains(name)]
    return Host(
        names[0] if names[0] != "*" else "any", tuple(domains), tuple(table), table[0].edge.place
    )


def _domains(name: str) -> tuple[str, ...]:
    return (name,) if "*" in name else (name, f"{name}:*")


def distinct(hosts: Iterable[Host]) -> tuple[Host, ...]:
    """The hosts, no domain of which is another's; Envoy would refuse them all.

    Raises:
        DocumentError: two of them answer for one name.
    """
    taken: dict[str, Host] = {}
    found = tuple(hosts)
    for host in found:
        for domain in dict.fromkeys(name.lower() for name in host.domains):
            if domain in taken:
                raise DocumentError.at(host.place, _both(host, taken[domain], domain))
            taken[domain] = host
    return found


def _both(second: Host, first: Host, domain: str) -> str:
    names = f"{second.name!r} and {first.name!r} (at {first.place})"
    return f"{names} both answer for host {domain!r}; a host leads to one service"


def _specific_first(name: str, table: list[Row]) -> list[Row]:
    """Rows that match everything go last, and there is room for one of them."""
    whole = [row for row in table if not row.rule.match]
    callees = {row.edge.callee: row for row in whole}
    if len(callees) > 1:
        first, second = list(callees.values())[:2]
        raise DocumentError.at(
            second.edge.place,
            f"{second.edge.callee!r} and {first.edge.callee!r} (at {first.edge.place}) both answer "
            f"for host {name!r} at the ingress; give them hosts or ports of their own, or routes",
        )
    return [row for row in table if row.rule.match] + whole[:1]
