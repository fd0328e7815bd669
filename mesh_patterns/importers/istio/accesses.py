"""The rules of an AuthorizationPolicy as the requests that they are about.

A rule is *one* of ``from``, and *one* of ``to``, and *all* of ``when``; ours are about all that
they say. So a rule becomes one of ours for each combination. What can't be looked at here never
lets anybody in: an ALLOW goes without its rule, a DENY without that condition, as in Istio where a
policy for HTTP stands before what is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from mesh_patterns.importers.istio.asked import Asked, Impossible
from mesh_patterns.importers.istio.conditions import conditions
from mesh_patterns.importers.istio.reading import Reading
from mesh_patterns.importers.istio.requests import operation, origin
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

MAX_ACCESSES = 1000  # of one policy


def of_policy(reading: Reading, rules: Iterable[Node]) -> list[Node]:
    """What all rules of a policy are about.

    Raises:
        DocumentError: they are about more than can be told apart.
    """
    found: list[Node] = []
    for rule in rules:
        source = reading.source
        source.notes.leftovers(rule, ("from", "to", "when"), source.owner, "rules.")
        for access in _of_rule(rule, reading):
            found.append(access)
            if len(found) > MAX_ACCESSES:
                message = f"the rules stand for more than {MAX_ACCESSES} combinations"
                raise DocumentError.at(rule.place, message)
    return found


def _of_rule(rule: Node, reading: Reading) -> Iterator[Node]:
    whos = _alternatives(rule.get("from"), "source", origin, reading)
    whats = _alternatives(rule.get("to"), "operation", operation, reading)
    for combination in itertools.product(whos, whats, conditions(rule.get("when"), reading)):
        try:
            whole = Asked.all_of(combination)
        except Impossible:
            continue
        yield whole.tree(rule.place)


def _alternatives(
    node: Node | None, name: str, part: Callable[[Node, Reading], Asked], reading: Reading
) -> Sequence[Asked]:
    """What each element asks for; a list that is not there asks for nothing."""
    if node is None or not node.elements():
        return [Asked()]
    found = []
    for each in node.elements():
        reading.source.notes.leftovers(each, (name,), reading.source.owner)
        inner = each.get(name) or Node(None, each.place)
        try:
            found.append(part(inner, reading))
        except Impossible as never:
            reading.never(str(never), inner)
    return found
