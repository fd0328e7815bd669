"""``when`` of an AuthorizationPolicy's rule: conditions, by key.

https://istio.io/latest/docs/reference/config/security/conditions/
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from mesh_patterns.importers.istio.asked import CLAIM, Asked, Impossible
from mesh_patterns.importers.istio.reading import Reading
from mesh_patterns.importers.istio.requests import check_port, named, nodes, text_match, unnamed
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_HEADER = re.compile(r"request\.headers\[(?P<name>[^\[\]]+)\]")
_LISTS = {
    "source.ip": "ip_blocks", "remote.ip": "remote_ip_blocks",
    "request.auth.principal": "request_principals",
}  # fmt: skip
_NAMED = {"source.principal": "principals", "source.namespace": "namespaces"}
_CLAIM = re.compile(r"request\.auth\.claims(?P<path>(?:\[[^\[\]]+\])+)")
_CLAIMS = {"request.auth.audiences": "aud", "request.auth.presenter": "azp"}


class _Unknown(Exception):
    """That a condition can't be looked at."""


def conditions(node: Node | None, reading: Reading) -> Sequence[Asked]:
    """All conditions, as alternatives of which one has to hold; none: no request is so."""
    found: list[Asked] = [Asked()]
    for each in node.elements() if node is not None else ():
        try:
            ways = _condition(each, reading)
            found = [_joined(pair) for pair in itertools.product(found, ways)]
        except _Unknown as what:
            effect = f"its rule {reading.instead}"
            reading.source.skip(f"a condition by {what}, so {effect}", each)
            if reading.allows:
                return []
        except Impossible as never:
            reading.never(str(never), each)
            return []
    return found


def _joined(parts: tuple[Asked, Asked]) -> Asked:
    one, other = parts
    twice = one.headers.keys() & other.headers.keys()
    if twice:
        raise _Unknown(f"header {min(twice)!r} a second time")
    claims = {name for name in one.lists.keys() & other.lists.keys() if name.startswith(CLAIM)}
    if claims:
        raise _Unknown(f"claim {min(claims).removeprefix(CLAIM)!r} a second time")
    return Asked.all_of(parts)


def _condition(node: Node, reading: Reading) -> Sequence[Asked]:
    """One condition, as alternatives. Raises ``Impossible``, ``_Unknown``."""
    key = node.get("key")
    if key is None:
        raise DocumentError.at(node.place, "a condition has no 'key'")
    name, wanted, unwanted = key.text(), nodes(node, "values"), nodes(node, "notValues")
    if not (wanted or unwanted):
        raise DocumentError.at(node.place, "a condition has neither 'values' nor 'notValues'")
    if header := _HEADER.fullmatch(name):
        return _header(header["name"].lower(), wanted, unwanted)
    if name == "destination.port":
        check_port(wanted, unwanted, reading)
        return [Asked()]
    if name in _NAMED:
        kind = _NAMED[name]
        parts = [named(kind, wanted, reading)] if wanted else []
        return [Asked.all_of([*parts, unnamed(kind, unwanted, reading)])]
    if ours := _LISTS.get(name):
        return [_lists(ours, wanted, unwanted)]
    if claim := _claim(name):
        texts = (tuple(map(text_match, each)) for each in (wanted, unwanted))
        return [_lists(CLAIM + claim, *texts)]
    raise _Unknown(name)


def _lists(name: str, wanted: tuple[Node, ...], unwanted: tuple[Node, ...]) -> Asked:
    lists = {name: wanted} if wanted else {}
    return Asked(lists=lists, excluded={name: unwanted} if unwanted else {})


def _claim(key: str) -> str | None:
    """The name of a claim as our rules have it: ``groups``, or ``[realm][roles]``."""
    found = _CLAIM.fullmatch(key)
    if not found:
        return _CLAIMS.get(key)
    return found["path"] if "][" in found["path"] else found["path"][1:-1]


def _header(name: str, wanted: Sequence[Node], unwanted: Sequence[Node]) -> Sequence[Asked]:
    if wanted and unwanted:
        raise _Unknown(f"header {name!r} with values and notValues")
    if wanted:
        return [Asked(headers={name: text_match(node)}) for node in wanted]
    if any(node.text() == "*" for node in unwanted):
        return [Asked(headers={name: Node.of({"present": False}, unwanted[0].place)})]
    whole = "|".join(_expression(node.text()) for node in unwanted)
    return [Asked(headers={name: Node.of({"regex": whole, "invert": True}, unwanted[0].place)})]


def _expression(text: str) -> str:
    """One of Istio's texts as an expression of the whole value."""
    literal = re.escape(text.strip("*"))
    return f"{'.*' if text.startswith('*') else ''}{literal}{'.*' if text.endswith('*') else ''}"
