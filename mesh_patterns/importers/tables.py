"""What is done at the ingress with the requests of a host, and who carries it.

A table belongs to names of hosts, and a rule of ours to an edge. So one of the services that the
table leads to carries it: that of the rule for all requests, or else that of the first rule; its
rules may lead to others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.catalog import Catalog, Entry
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.parts import narrowed
from mesh_yaml.node import Node


@dataclass(frozen=True, slots=True)
class Table:
    """Rules under some names; ``node`` is where they are said, by ``owner``. ``tls`` is how these
    names are served with TLS: ``None`` in plain text.
    """

    names: tuple[str, ...]
    rules: tuple[Node, ...]
    node: Node
    owner: str
    tls: Node | None = None


def pattern(on: str, made: Iterable[Node], node: Node) -> Node:
    """Rules that are all there is: what none of them matches is not found."""
    fields: dict[str, Any] = {
        "pattern": "route", "on": on, "rules": [*made], "otherwise": "not_found"
    }  # fmt: skip
    return Node.of(fields, node.place)


def carried(tables: Iterable[Table], catalog: Catalog, notes: Notes) -> Iterator[Node]:
    """The patterns of all tables, and ``ingress`` for those who carry them."""
    some = [table for table in tables if table.rules]
    carriers = [_carrier(table, catalog, notes) for table in some]
    tables_of = Counter(carrier.name for carrier in carriers if carrier is not None)
    for table, carrier in zip(some, carriers, strict=True):
        if carrier is None:
            continue
        _secure(carrier, table, tables_of[carrier.name], notes)
        several = carrier.own or tables_of[carrier.name] > 1
        for name in table.names if not carrier.own else ():
            carrier.ingress.setdefault(name, Node(name, table.node.place))
        rules: Sequence[Node] = narrowed(table.rules, table.names) if several else table.rules
        yield pattern(f"ingress -> {carrier.name}", rules, table.node)


def _secure(carrier: Entry, table: Table, tables: int, notes: Notes) -> None:
    """A service is at the ingress with TLS or without, whatever its name."""
    if table.tls is None or carrier.own:
        return
    if tables > 1 and (carrier.ingress_tls or table.tls).plain() != table.tls.plain():
        message = f"{carrier.name!r} is served with other TLS already: that holds"
        notes.warn(table.tls.place, message)
    carrier.ingress_tls = carrier.ingress_tls or table.tls


def _carrier(table: Table, catalog: Catalog, notes: Notes) -> Entry | None:
    whole = [rule for rule in table.rules if rule.get("match") is None]
    for rule in (*whole, *table.rules):
        to = rule.get("to")
        for target in dict(to.items()) if to is not None else ():
            return catalog.entries[target.partition("/")[0]]
    if not catalog.entries:
        notes.warn(table.node.place, f"{table.owner}: no service is at the ingress")
    return next(iter(catalog.entries.values()), None)
