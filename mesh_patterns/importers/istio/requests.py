"""``source`` and ``operation`` of an AuthorizationPolicy's rule: who asks, and for what.

https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from mesh_patterns.importers.istio.asked import Asked, Impossible
from mesh_patterns.importers.istio.principals import by_account, by_namespace, by_principal
from mesh_patterns.importers.istio.reading import Reading
from mesh_patterns.importers.notes import listed
from mesh_yaml.node import Node

_NAMED = ("principals", "namespaces", "serviceAccounts")
_LISTS = {
    "ipBlocks": "ip_blocks", "remoteIpBlocks": "remote_ip_blocks",
    "requestPrincipals": "request_principals",
}  # fmt: skip
_TEXTS = ("methods", "hosts")
_TEMPLATE = re.compile(r"\{\*\*?\}")


def not_(name: str) -> str:
    """``notPaths`` of ``paths``."""
    return f"not{name[0].upper()}{name[1:]}"


def nodes(node: Node, name: str) -> tuple[Node, ...]:
    """The elements of a list in a mapping."""
    found = node.get(name)
    return found.elements() if found is not None else ()


def origin(node: Node, reading: Reading) -> Asked:
    """A ``source``. Raises ``Impossible``: it is nobody here."""
    known = [*_NAMED, *_LISTS]
    known += [not_(name) for name in known]
    reading.source.notes.leftovers(node, known, reading.source.owner, "source.")
    parts = [named(name, nodes(node, name), reading) for name in _NAMED if nodes(node, name)]
    parts += [
        Asked(lists={ours: given}) for name, ours in _LISTS.items() if (given := nodes(node, name))
    ]
    parts += [unnamed(name, nodes(node, not_(name)), reading) for name in _NAMED]
    parts += [
        Asked(excluded={ours: given})
        for name, ours in _LISTS.items()
        if (given := nodes(node, not_(name)))
    ]
    return Asked.all_of(parts)


def named(kind: str, given: Sequence[Node], reading: Reading) -> Asked:
    """Those whom a list of ``principals``, ``namespaces`` or ``serviceAccounts`` means."""
    found = _people(kind, given, reading)
    if not found:
        raise Impossible(f"nobody here is of {kind} {listed(node.text() for node in given)}")
    return Asked(names=frozenset(found))


def unnamed(kind: str, given: Sequence[Node], reading: Reading) -> Asked:
    """Everybody but those."""
    found = _people(kind, given, reading) if given else set()
    people = tuple(Node(name, given[0].place) for name in sorted(found))
    return Asked(excluded={"from": people}) if people else Asked()


def _people(kind: str, given: Sequence[Node], reading: Reading) -> set[str]:
    texts = reading.identified(given)
    if kind == "principals":
        return by_principal(texts, reading.catalog)
    if kind == "namespaces":
        return by_namespace(texts, reading.catalog)
    return by_account(texts, reading.catalog, reading.source.object.namespace)


def operation(node: Node, reading: Reading) -> Asked:
    """An ``operation``. Raises ``Impossible``: nobody can ask for it here."""
    known = [*_TEXTS, "paths", "ports"]
    known += [not_(name) for name in known]
    reading.source.notes.leftovers(node, known, reading.source.owner, "operation.")
    check_port(nodes(node, "ports"), nodes(node, "notPorts"), reading)
    parts = []
    for name in (*_TEXTS, "paths"):
        read: Callable[[Iterable[Node]], list[Node]] = _paths if name == "paths" else _matches
        if given := nodes(node, name):
            found = read(given)
            if not found:
                raise Impossible(f"no path is {listed(each.text() for each in given)}")
            parts.append(Asked(lists={name: tuple(found)}))
        if excluded := read(nodes(node, not_(name))):
            parts.append(Asked(excluded={name: tuple(excluded)}))
    return Asked.all_of(parts)


def check_port(wanted: Sequence[Node], unwanted: Sequence[Node], reading: Reading) -> None:
    """There is one port to a service, so a rule is about it or it is not. Raises ``Impossible``."""
    if not (wanted or unwanted):
        return
    if reading.port is None:
        what = "ports: which one a workload has is not known, taken for one of these"
        reading.source.approximate(what, (*wanted, *unwanted)[0])
        if wanted:
            return
    port = str(reading.port)
    if wanted and port not in {node.text() for node in wanted}:
        raise Impossible(f"the workload has port {port}")
    if port in {node.text() for node in unwanted}:
        raise Impossible(f"the workload has port {port}")


def _matches(given: Iterable[Node]) -> list[Node]:
    return [text_match(node) for node in given]


def text_match(node: Node) -> Node:
    """``abc``, ``abc*``, ``*abc`` or ``*`` as a match of ours."""
    text = node.text()
    if text == "*":
        return Node.of({"present": True}, node.place)
    if text.endswith("*"):
        return Node.of({"prefix": text[:-1]}, node.place)
    if text.startswith("*"):
        return Node.of({"suffix": text[1:]}, node.place)
    return Node.of({"exact": text}, node.place)


def _paths(given: Iterable[Node]) -> list[Node]:
    """Those that a path can be: it begins with a slash, and holds no query."""
    found = []
    for node in given:
        match = _path(node)
        kind, text = next((name, each.text()) for name, each in match.items())
        if kind == "regex" or (
            not re.search("[?#]", text) and (kind == "suffix" or text[:1] == "/")
        ):
            found.append(match)
    return found


def _path(node: Node) -> Node:
    """Also one with ``{*}``, a segment, and ``{**}``, any number of them."""
    text = node.text()
    if _TEMPLATE.search(text):
        wild = {"{*}": "[^/]+", "{**}": ".*"}
        literal = map(re.escape, _TEMPLATE.split(text))
        stars = (wild[found] for found in _TEMPLATE.findall(text))
        whole = "".join(f"{a}{b}" for a, b in zip(literal, (*stars, ""), strict=True))
        return Node.of({"regex": whole}, node.place)
    return Node.of({"prefix": "/"}, node.place) if text == "*" else text_match(node)
