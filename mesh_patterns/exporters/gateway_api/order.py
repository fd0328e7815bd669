"""The order of routes: the Gateway API looks for the most specific match, ours for the first.

https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
"""

from __future__ import annotations

from collections.abc import Iterable

from mesh_patterns.draft import Match, Rule
from mesh_patterns.exporters.losses import Losses
from mesh_yaml.matching import StringMatch

_KINDS = {"separated_prefix": 0, "regex": 1, "exact": 2}


def rank(match: Match) -> tuple[int, ...]:
    """What is larger goes first."""
    path = match.path
    where = (_KINDS[path.kind], len(path.text)) if path else (0, 1)
    return (*where, int(match.method is not None), len(match.headers), len(match.query))


def ordered(rules: Iterable[Rule], losses: Losses) -> list[Rule]:
    """The rules in the order that they get there. One that would go before another that is to be
    asked first, about the same requests, is left out and told.
    """
    kept: list[Rule] = []
    for rule in rules:
        higher = [each for each in kept if rank(each.match) < rank(rule.match)]
        if any(not apart(each.match, rule.match) for each in higher):
            losses.lost("a rule that is more specific than one before it", rule.place)
        else:
            kept.append(rule)
    return sorted(kept, key=lambda each: [-number for number in rank(each.match)])


def apart(one: Match, other: Match) -> bool:
    """Whether surely no request is of both."""
    if one.method and other.method and one.method != other.method:
        return True
    return (
        _paths_apart(one.path, other.path)
        or _fields_apart(one.headers, other.headers)
        or _fields_apart(one.query, other.query)
    )


def _paths_apart(one: StringMatch | None, other: StringMatch | None) -> bool:
    if one is None or other is None or "regex" in (one.kind, other.kind):
        return False
    if one.kind == other.kind == "exact":
        return one.text != other.text
    narrow, wide = (other, one) if other.kind == "exact" else (one, other)
    if narrow.kind == "exact":
        return not _is_below(narrow.text, wide.text)
    return not (_is_below(one.text, other.text) or _is_below(other.text, one.text))


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _fields_apart(
    one: tuple[tuple[str, StringMatch], ...], other: tuple[tuple[str, StringMatch], ...]
) -> bool:
    there = {name: match for name, match in other if match.kind == "exact"}
    return any(m.kind == "exact" and there.get(name, m) != m for name, m in one)
