"""Services that are names for some versions of another: what a caller reaches under such a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mesh_patterns.importers.catalog import Catalog, Part
from mesh_patterns.protocols import PROTOCOLS
from mesh_yaml.node import Node


def patterns(catalog: Catalog) -> Iterator[Node]:
    """A rule for each, under its own names; whoever has others for these comes before it."""
    return (_pattern(part) for part in catalog.parts if PROTOCOLS[part.entry.protocol].requests)


def _pattern(part: Part) -> Node:
    rule: dict[str, Any] = {"to": dict.fromkeys(part.targets(), 1)}
    on = f"mesh -> {part.entry.name}"
    rules = narrowed([Node.of(rule, part.place)], part.hosts)
    return Node.of({"pattern": "route", "on": on, "rules": rules}, part.place)


def pattern(caller: str, part: Part, rules: Iterable[Node], node: Node) -> Node:
    """Rules for the names of some versions; those of the service itself are for other names."""
    rest = Node.of({"respond": {"status": 404}}, node.place)
    fields: dict[str, Any] = {
        "pattern": "route", "on": f"{caller} -> {part.entry.name}",
        "rules": narrowed([*rules, rest], part.hosts),
    }  # fmt: skip
    return Node.of(fields, node.place)


def narrowed(rules: Iterable[Node], hosts: Iterable[str]) -> list[Node]:
    """Rules that are for requests under these names alone."""
    names = [*hosts]
    return [Node.of({**dict(rule.items()), "hosts": names}, rule.place) for rule in rules]


def first(made: Sequence[Node]) -> list[Node]:
    """Patterns in such an order that rules for some names stand before those for all names."""
    return sorted(made, key=lambda pattern: not _is_narrow(pattern))


def _is_narrow(pattern: Node) -> bool:
    rules = pattern.get("rules")
    return rules is not None and all(rule.get("hosts") for rule in rules.elements())
