"""Which limit a descriptor has: the rules of a rate limit service, by domain.

A descriptor is a list of keys with values, that a request has been given by who asks. It has the
limit of the rule that stands as deep in the tree as the descriptor is long. On each level the rule
with its value comes first, then one with a wildcard (``value: foo*``), then one without a value,
which is for each value by itself.

Source: https://github.com/envoyproxy/ratelimit#the-configuration-format
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Entries = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Limit:
    """``requests`` in a ``unit`` of time; ``shadow``: counted, and never refused.

    ``name`` is what others may say that they ``replace``. Statistics are kept under ``path``, each
    value by itself if ``detailed``.
    """

    requests: int
    unit: str
    unlimited: bool = False
    shadow: bool = False
    name: str = ""
    replaces: tuple[str, ...] = ()
    path: str = ""
    detailed: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the tree; without a ``value`` it is for every one."""

    key: str
    value: str = ""
    limit: Limit | None = None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Domain:
    """Rules of one name: whoever asks says which he means."""

    name: str
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class _Level:
    exact: dict[tuple[str, str], _Level] = field(default_factory=dict)
    wildcards: list[tuple[str, str, _Level]] = field(default_factory=list)
    any: dict[str, _Level] = field(default_factory=dict)
    limit: Limit | None = None

    def add(self, rules: Iterable[Rule]) -> _Level:
        for rule in rules:
            below = _Level(limit=rule.limit).add(rule.rules)
            if rule.value.endswith("*"):
                self.wildcards.append((rule.key, rule.value[:-1], below))
            elif rule.value:
                self.exact[rule.key, rule.value] = below
            else:
                self.any[rule.key] = below
        return self

    def below(self, key: str, value: str) -> _Level | None:
        found = self.exact.get((key, value))
        if found is not None:
            return found
        for name, prefix, level in self.wildcards:
            if name == key and value.startswith(prefix):
                return level
        return self.any.get(key)


class Rules:
    """All domains, looked up."""

    def __init__(self, domains: Iterable[Domain] = ()) -> None:
        self._domains = {each.name: _Level().add(each.rules) for each in domains}

    def __contains__(self, domain: str) -> bool:
        return domain in self._domains

    def limit(self, domain: str, entries: Entries) -> Limit | None:
        """The limit of a descriptor, if it has one."""
        level = self._domains.get(domain)
        for key, value in entries:
            if level is None:
                return None
            level = level.below(key, value)
        return level.limit if level is not None and entries else None
