"""RequestMatch of a ServiceProfile: ``all``, ``any`` and ``not`` of methods and paths, as matches
of ours, of which one is enough.

Paths are matched as a whole and without the query, as Linkerd's proxy does.
https://linkerd.io/2/reference/service-profiles/#request-match
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mesh_patterns.importers.expressions import whole
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

MAX_MATCHES = 64  # that one condition comes to
_QUERY = r"(?:\?.*)?"  # what Envoy's ``:path`` has beside the path


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that has to hold, or not to hold."""

    name: str
    node: Node
    holds: bool


Terms = tuple[Term, ...]  # all of them


def read(node: Node) -> list[Node]:
    """The matches of a condition.

    Raises:
        DocumentError: it asks for nothing, for something unknown, or for too much.
    """
    found = (_match(terms, node) for terms in _terms(node, True))
    return [match for match in found if match is not None]


def _terms(node: Node, holds: bool) -> list[Terms]:
    if not node.value:
        raise DocumentError.at(node.place, f"a condition is one of {', '.join(_PARTS)}")
    parts: list[list[Terms]] = []
    for name, item in node.items():
        read_one = _PARTS.get(name)
        if read_one is None:
            place = item.key or item.place
            raise DocumentError.at(place, f"unknown condition {name!r}{suggest(name, _PARTS)}")
        parts.append(read_one(name, item, holds))
    return _together(parts, node) if holds else _either(parts, node)


def _together(parts: Sequence[Sequence[Terms]], node: Node) -> list[Terms]:
    """All of several hold."""
    size = 1
    for part in parts:
        size *= len(part)
        _check(size, node)
    return [tuple(term for terms in row for term in terms) for row in product(*parts)]


def _either(parts: Sequence[Sequence[Terms]], node: Node) -> list[Terms]:
    found = [terms for part in parts for terms in part]
    _check(len(found), node)
    return found


def _check(size: int, node: Node) -> None:
    if size > MAX_MATCHES:
        message = f"a condition comes to at most {MAX_MATCHES} matches, got more"
        raise DocumentError.at(node.place, message)


def _leaf(name: str, node: Node, holds: bool) -> list[Terms]:
    node.text()
    return [(Term(name, node, holds),)]


def _all(name: str, node: Node, holds: bool) -> list[Terms]:
    parts = [_terms(each, holds) for each in node.elements()]
    return _together(parts, node) if holds else _either(parts, node)


def _any(name: str, node: Node, holds: bool) -> list[Terms]:
    parts = [_terms(each, holds) for each in node.elements()]
    return _either(parts, node) if holds else _together(parts, node)


def _not(name: str, node: Node, holds: bool) -> list[Terms]:
    return _terms(node, not holds)


_PARTS: dict[str, Callable[[str, Node, bool], list[Terms]]] = {
    "method": _leaf,
    "pathRegex": _leaf,
    "all": _all,
    "any": _any,
    "not": _not,
}


def _match(terms: Terms, node: Node) -> Node | None:
    """A match of ours; ``None`` where terms exclude each other."""
    made: dict[str, Any] = {}
    methods = [term for term in terms if term.name == "method"]
    wanted = {term.node.text().upper(): term.node for term in methods if term.holds}
    others = {term.node.text().upper() for term in methods if not term.holds}
    if len(wanted) > 1 or wanted.keys() & others:
        return None
    if wanted:
        made["method"] = Node(*next((name, it.place) for name, it in wanted.items()))
    elif others:
        made["method"] = {"regex": "|".join(sorted(others)), "invert": True}
    made |= _paths([term for term in terms if term.name == "pathRegex"])
    return Node.of(made, node.place)


def _paths(terms: Sequence[Term]) -> dict[str, Any]:
    """One path by itself. Envoy's expressions know no "not", but a match of a field does."""
    wanted = list({t.node.text().strip(): t.node for t in terms if t.holds}.values())
    others = [term.node for term in terms if not term.holds]
    made: dict[str, Any] = {"path": _path(wanted[0])} if wanted else {}
    more = wanted[1:]
    if len(more) + bool(others) > 1:
        raise DocumentError.at(more[-1].place, "paths of so many expressions at once: not known")
    if more:
        made["headers"] = {":path": {"regex": _with_query(more)}}
    elif others:
        made["headers"] = {":path": {"regex": _with_query(others), "invert": True}}
    return made


def _path(node: Node) -> dict[str, Any]:
    return whole(Node(node.text().strip(), node.place))


def _with_query(nodes: Sequence[Node]) -> Node:
    either = "|".join(_bare(nodes))
    return Node(f"(?:{either}){_QUERY}", nodes[0].place)


def _bare(nodes: Sequence[Node]) -> Iterator[str]:
    return (node.text().strip().removeprefix("^").removesuffix("$") for node in nodes)
