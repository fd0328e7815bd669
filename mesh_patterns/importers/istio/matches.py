"""``match`` of a VirtualService's rule, as ours.

Istio's ``prefix`` is a prefix of text, as ours is when it is written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.istio.source import Source
from mesh_patterns.importers.objects import texts
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_TEXTS = {"uri": "path", "method": "method", "authority": "host", "scheme": "scheme"}
_HARMLESS = frozenset({"name", "statPrefix", "gateways", "ignoreUriCase", "port"})
_KNOWN = frozenset(
    {*_TEXTS, *_HARMLESS, "headers", "withoutHeaders", "queryParams", "sourceLabels"}
)
_KINDS = frozenset({"exact", "prefix", "regex"})
_ANYTHING: list[list[tuple[str, Any]]] = [[("regex", "*")], [("prefix", "")]]

Labels = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Bound:
    """Whose requests are looked at: ``means`` says whether ``gateways`` of a match are theirs.
    ``labels`` are those of the caller's workloads, ``None`` where it has none that are known.
    """

    means: Callable[[Node], bool]
    labels: Labels | None = None


def match(node: Node, bound: Bound, source: Source) -> Node | None:
    """One match; ``None`` when it is for others, or asks for what can't be told apart here."""
    gateways = node.get("gateways")
    if gateways is not None and not bound.means(gateways):
        return None
    labels = node.get("sourceLabels")
    if labels is not None and labels.value and not _is_from(labels, bound.labels, source):
        return None
    lost = [(name, item) for name, item in node.items() if name not in _KNOWN and item.value]
    for name, item in lost:
        source.skip(f"a match by {name}, so that match is left out", item)
    if (port := node.get("port")) is not None:
        source.approximate("a match by port holds for every port", port)
    return None if lost else _meaning(node, source)


def _is_from(wanted: Node, labels: Labels | None, source: Source) -> bool:
    """Whether all of the caller's workloads have the labels."""
    given = texts(wanted)
    found = [given.items() <= each.items() for each in labels or ()]
    if any(found) and not all(found):
        what = "sourceLabels of some versions of a caller, so that match is left out"
        source.skip(what, wanted)
    return bool(found) and all(found)


def _meaning(node: Node, source: Source) -> Node:
    made: dict[str, Any] = {}
    for name, ours in _TEXTS.items():
        found = node.get(name)
        if found is not None and found.value:
            made[ours] = _text(found)
    if headers := _headers(node, source):
        made["headers"] = headers
    if (query := node.get("queryParams")) is not None and query.value:
        made["query"] = Node({name: _text(item) for name, item in query.items()}, query.place)
    if (ignore := node.get("ignoreUriCase")) is not None and ignore.value is True:
        made["ignore_case"] = ignore
    return Node.of({} if _is_everything(made) else made, node.place)


def _is_everything(made: dict[str, Any]) -> bool:
    """A match of all paths, and nothing else."""
    path = made["path"].plain() if set(made) == {"path"} else None
    return path in ({"prefix": "/"}, {"regex": ".*"})


def _headers(node: Node, source: Source) -> dict[str, Any]:
    found: dict[str, Any] = {}
    wanted, unwanted = (
        node.get(name) or Node(None, node.place) for name in ("headers", "withoutHeaders")
    )
    for name, item in wanted.items():
        found[name] = _text(item)
    for name, item in unwanted.items():
        if name in found:
            raise DocumentError.at(
                item.place, f"header {name!r} is in headers too: one match of a header is possible"
            )
        found[name] = _inverted(_text(item))
    return found


def _text(node: Node) -> Node:
    """A StringMatch; an empty one, or the expression ``*``, is for whatever is there."""
    pairs = [(name, item) for name, item in node.items() if item.value is not None]
    if not pairs or [(name, item.value) for name, item in pairs] in _ANYTHING:
        return Node.of({"present": True}, node.place)
    unknown = [name for name, _ in pairs if name not in _KINDS]
    if unknown or len(pairs) > 1:
        names = ", ".join(name for name, _ in pairs)
        raise DocumentError.at(node.place, f"expected one of exact, prefix and regex, got {names}")
    return Node(dict(pairs), node.place, node.key)


def _inverted(node: Node) -> Node:
    if node.get("present"):
        return Node.of({"present": False}, node.place)
    return Node({**dict(node.items()), "invert": Node(True, node.place)}, node.place)
