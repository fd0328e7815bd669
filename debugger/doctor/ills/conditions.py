"""When one condition on a header or query parameter follows from another, and when two clash.

Sound, not complete: what is claimed here holds for every request; what is not claimed may hold too.
A header may come several times, and since Envoy 1.39 one of its values is enough for a matcher; so
two values of one header only clash where it can't come twice: in the pseudo-headers.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-headermatcher
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

_TEXT = ("exact", "prefix", "suffix", "contains")  # what can be compared by what is in it


@dataclass(frozen=True, slots=True)
class Condition:
    """On one header or parameter. ``kind`` is one of ``present``, ``absent``, those of ``_TEXT``,
    or another of Envoy's words, whose ``value`` is then all that it says."""

    name: str
    kind: str
    value: str = ""
    ignore_case: bool = False
    inverted: bool = False
    or_missing: bool = False  # one that is not there counts as empty

    @property
    def plain(self) -> bool:
        return not self.inverted and not self.or_missing

    @property
    def wants(self) -> bool:
        """Whether it only holds where the header is there."""
        return self.plain and self.kind != "absent"

    @property
    def single(self) -> bool:
        """Whether it is of something that can't come twice."""
        return self.name.startswith(":")


def header(of: Mapping[str, Any]) -> Condition:
    """Of a ``HeaderMatcher`` as JSON. One that says nothing but a name wants it to be there."""
    rest = {k: v for k, v in of.items() if k not in ("name", "invert_match", _MISSING)}
    found = _condition(str(of.get("name", "")).lower(), rest)
    inverted = bool(of.get("invert_match"))
    if found.kind in ("present", "absent") and inverted:
        return replace(found, kind={"present": "absent", "absent": "present"}[found.kind])
    return replace(found, inverted=inverted, or_missing=bool(of.get(_MISSING)))


def parameter(of: Mapping[str, Any]) -> Condition:
    """Of a ``QueryParameterMatcher`` as JSON; Envoy looks at the first of a name."""
    return _condition(str(of.get("name", "")), {k: v for k, v in of.items() if k != "name"})


_MISSING = "treat_missing_header_as_empty"
_OLD = {"exact_match": "exact", "prefix_match": "prefix", "suffix_match": "suffix",
        "contains_match": "contains"}  # fmt: skip


def _condition(name: str, rest: Mapping[str, Any]) -> Condition:
    if not rest:
        return Condition(name, "present")
    if set(rest) == {"present_match"}:
        return Condition(name, "present" if rest["present_match"] else "absent")
    if set(rest) == {"string_match"}:
        text = dict(rest["string_match"])
        ignore_case = bool(text.pop("ignore_case", False))
        if len(text) == 1 and (kind := next(iter(text))) in _TEXT:
            return Condition(name, kind, str(text[kind]), ignore_case)
    if len(rest) == 1 and (kind := next(iter(rest))) in _OLD:
        return Condition(name, _OLD[kind], str(rest[kind]))
    return Condition(name, "other", repr(sorted(rest.items())))


def follows(wanted: Condition, given: Iterable[Condition]) -> bool:
    """Whether ``wanted`` holds for each request for which all that are ``given`` hold."""
    return any(wanted == each or _weaker(wanted, each) for each in given)


def _weaker(wanted: Condition, given: Condition) -> bool:
    if wanted.name != given.name or not (wanted.plain and given.wants):
        return False
    if wanted.kind == "present":
        return True
    if wanted.kind not in _TEXT or given.kind not in _TEXT:
        return False
    if given.ignore_case and not wanted.ignore_case:
        return False
    kinds, holds = _IMPLIED[wanted.kind]
    return given.kind in kinds and holds(*_folded(given, wanted))


def _folded(given: Condition, wanted: Condition) -> tuple[str, str]:
    if wanted.ignore_case:
        return given.value.lower(), wanted.value.lower()
    return given.value, wanted.value


# For each kind that is wanted: from which it can follow, and when.
_IMPLIED: Mapping[str, tuple[frozenset[str], Callable[[str, str], bool]]] = {
    "exact": (frozenset({"exact"}), lambda given, wanted: given == wanted),
    "prefix": (frozenset({"exact", "prefix"}), lambda given, wanted: given.startswith(wanted)),
    "suffix": (frozenset({"exact", "suffix"}), lambda given, wanted: given.endswith(wanted)),
    "contains": (frozenset(_TEXT), lambda given, wanted: wanted in given),
}


def clash(conditions: Iterable[Condition], once: bool = False) -> tuple[Condition, ...]:
    """One, or two, that no request can meet; empty where none are found.

    ``once``: nothing that is looked at can come twice.
    """
    given = list(conditions)
    for one, two in combinations(given, 2):
        if one.name == two.name and (
            _presence(one, two) or _presence(two, one) or _values(one, two, once or one.single)
        ):
            return one, two
    return ()


def _presence(one: Condition, two: Condition) -> bool:
    return one.wants and two.plain and two.kind == "absent"


def _values(one: Condition, two: Condition, single: bool) -> bool:
    if not single:
        return False
    if one.plain != two.plain and not (one.or_missing or two.or_missing):
        return replace(one, inverted=False) == replace(two, inverted=False)
    if not (one.plain and two.plain) or one.ignore_case or two.ignore_case:
        return False
    return _exact(one, two) or _exact(two, one) or _prefixes(one, two)


def _exact(one: Condition, two: Condition) -> bool:
    """Whether the one value that the first allows is none of the second's."""
    return one.kind == "exact" and two.kind in _TEXT and not _weaker(two, one)


def _prefixes(one: Condition, two: Condition) -> bool:
    if one.kind != two.kind or one.kind not in ("prefix", "suffix"):
        return False
    holds = _IMPLIED[one.kind][1]
    return not holds(one.value, two.value) and not holds(two.value, one.value)
