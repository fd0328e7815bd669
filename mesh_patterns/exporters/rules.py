"""What a caller does with a callee as rules that say all of it, each for itself.

A draft's rule may leave things to its edge: where it leads, how patient it is. Others' dialects
have no edges, so each rule gets all that holds for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from mesh_patterns.draft import (
    CLUSTER,
    Draft,
    Edge,
    Fault,
    Filter,
    HeaderEdits,
    Match,
    Placed,
    Rule,
    Target,
    Weighted,
)
from mesh_patterns.exporters.fitting import own_rules
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known, meaning
from mesh_yaml.matching import StringMatch

OF_RULES = ("fault", "cors")  # filters of an edge that a rule can have for itself
ANSWERS = ("redirect", "respond")


@dataclass(frozen=True, slots=True)
class Words:
    """What a dialect can say of requests: the kinds of texts (:class:`StringMatch`) of each part,
    whether a match can be turned around, and the settings that a rule can have.
    """

    path: frozenset[str]
    method: frozenset[str]
    headers: frozenset[str]
    query: frozenset[str]
    host: frozenset[str] = frozenset()
    invert: bool = False
    ignore_case: bool = False
    settings: frozenset[str] = frozenset()


def is_plain(draft: Draft, edge: Edge, known: Known) -> bool:
    """Whether nothing is said of the requests of an edge."""
    of_requests = [name for name in edge.settings if name not in CLUSTER]
    filters = [each for each in draft.filters_on(edge) if each.kind in OF_RULES]
    said = own_rules(edge, known) or edge.split or edge.closed or of_requests or filters
    return not said


def explicit(draft: Draft, edge: Edge, known: Known, losses: Losses) -> list[Rule]:
    """The rules of an edge with all that holds for them, up to the one that takes what is left."""
    rest = Rule(Match(), edge.split.place if edge.split else edge.place)
    rules = [*own_rules(edge, known), *([] if edge.closed else [rest])]
    last = next((n for n, r in enumerate(rules) if not r.match and not r.hosts), len(rules))
    for rule in rules[last + 1 :]:
        if rule is not rest:
            losses.changed("no request gets past the rules before this one: left out", rule.place)
    filters = draft.filters_on(edge)
    reached = (_whole(rule, edge) for rule in rules[: last + 1])
    return [made for rule in reached for made in with_filters(rule, filters, losses)]


def _whole(rule: Rule, edge: Edge) -> Rule:
    of_edge = {name: each for name, each in edge.settings.items() if name not in CLUSTER}
    settings = of_edge | rule.settings
    split = rule.split or (edge.split.value if edge.split else ())
    if any(name in settings for name in ANSWERS):
        split = ()
    elif not split:
        split = (Weighted(Target(edge.callee), 100, rule.place),)
    return replace(rule, split=_merged(split), settings=settings)


def _merged(split: Sequence[Weighted]) -> tuple[Weighted, ...]:
    """Each target once."""
    found: dict[Target, Weighted] = {}
    for each in split:
        before = found.get(each.target)
        weight = each.weight + (before.weight if before else 0)
        found[each.target] = replace(before or each, weight=weight)
    return tuple(found.values())


def with_filters(rule: Rule, filters: Sequence[Filter], losses: Losses) -> list[Rule]:
    """The rule with the faults and CORS of its edge; before it one for the requests that alone have
    a fault.
    """
    made = replace(rule, settings=dict(rule.settings))
    first: list[Rule] = []
    for each in filters:
        if each.kind not in OF_RULES:
            continue
        value = Placed(each.config, each.place)
        if isinstance(each.config, Fault) and each.config.headers:
            narrow = _narrowed(made.match, each.config)
            if narrow is None or "fault" in made.settings or first:
                losses.lost(
                    "a fault beside another, or by a header that a rule has too", each.place
                )
                continue
            plain = Placed(replace(each.config, headers=()), each.place)
            first = [replace(made, match=narrow, settings={**made.settings, "fault": plain})]
        elif each.kind in made.settings or (each.kind == "fault" and first):
            losses.lost(f"{each.kind} beside another", each.place)
        else:
            made.settings[each.kind] = value
            first = [replace(r, settings={**r.settings, each.kind: value}) for r in first]
    return [*first, made]


def _narrowed(match: Match, fault: Fault) -> Match | None:
    """The requests of a match that have a fault's headers, if the match says nothing of those."""
    names = {name for name, _ in fault.headers}
    if names & {name for name, _ in match.headers} or len(names) < len(fault.headers):
        return None
    return replace(match, headers=(*match.headers, *fault.headers))


def fit(rule: Rule, words: Words, losses: Losses) -> list[Rule]:
    """A rule in a dialect's words: several where a match takes more than one; none, told, where its
    match can't be said.
    """
    if rule.hosts:
        losses.lost("a rule for some of the names", rule.place)
        return []
    targets = [share.target for share in rule.split]
    if any(target.replica is not None for target in targets):
        losses.lost("a rule that leads to one replica", rule.place)
        return []
    found = fit_match(rule.match, words)
    if found is None:
        losses.lost("a rule that asks this of requests", rule.place)
        return []
    settings = {}
    for name, placed in rule.settings.items():
        if name in words.settings:
            settings[name] = placed
        else:
            losses.lost(name.replace("_", " "), placed.place)
    return [_made(rule, match, _moved(settings, rule.match, match)) for match in found]


def _made(rule: Rule, match: Match, settings: dict[str, Placed[object]]) -> Rule:
    """Of one destination alone, what is done to its requests is done to the rule's."""
    if len(rule.split) != 1:
        return replace(rule, match=match, settings=settings)
    (share,) = rule.split
    if share.headers is not None:
        own = settings.get("headers")
        edits = joined(own.value, share.headers) if own else share.headers  # type: ignore[arg-type]
        settings = {**settings, "headers": Placed(edits, share.place)}
    alone = replace(share, weight=100, headers=None)
    return replace(rule, match=match, split=(alone,), settings=settings)


def joined(one: HeaderEdits, other: HeaderEdits) -> HeaderEdits:
    """Both edits of headers, what the second says of a field instead of what the first does."""
    names = ("set_request", "add_request", "set_response", "add_response")
    made = {
        name: tuple({**dict(getattr(one, name)), **dict(getattr(other, name))}.items())
        for name in names
    }
    return HeaderEdits(
        remove_request=(*one.remove_request, *other.remove_request),
        remove_response=(*one.remove_response, *other.remove_response),
        **made,
    )


def _moved(
    settings: dict[str, Placed[object]], old: Match, new: Match
) -> dict[str, Placed[object]]:
    """A rewrite of a path's prefix, where the prefix is longer by a slash."""
    placed = settings.get("rewrite")
    path = getattr(placed.value, "path", None) if placed else None
    longer = _kind(old) == "separated_prefix" and _kind(new) == "prefix"
    if placed is None or path is None or not longer:
        return settings
    value = replace(placed.value, path=f"{path.rstrip('/')}/")  # type: ignore[type-var]
    return {**settings, "rewrite": Placed(value, placed.place)}


def _kind(match: Match) -> str:
    return match.path.kind if match.path else ""


def fit_match(match: Match, words: Words) -> list[Match] | None:
    """A match in a dialect's words, as several of which one is enough; ``None``: it has none."""
    if match.percent is not None:
        return None
    parts = (match.method, match.authority, match.scheme)
    method = fit_text(match.method, words.method, False)
    host, scheme = (fit_text(each, words.host, False) for each in (match.authority, match.scheme))
    headers = _fit_all(match.headers, words.headers, words.invert)
    query = _fit_all(match.query, words.query, False)
    lost = any(
        a is not None and b is None for a, b in zip(parts, (method, host, scheme), strict=True)
    )
    if lost or headers is None or query is None:
        return None
    ordered = sorted(headers, key=lambda pair: pair[1].invert)
    rest = replace(
        match, method=method, authority=host, scheme=scheme, headers=tuple(ordered), query=query
    )
    return list(_paths(rest, words)) or None


def _paths(match: Match, words: Words) -> Iterator[Match]:
    """The match by each of its paths; none where it has no words."""
    path = match.path
    if path is None or (path.kind, path.text) in (("prefix", "/"), ("regex", ".*")):
        yield replace(match, path=None, ignore_case=False)
    elif match.ignore_case and (not words.ignore_case or path.kind not in ("exact", "prefix")):
        # only plain texts can be looked at in any case
        if "regex" in words.path:
            flagged = StringMatch("regex", f"(?i){expression(path)}")
            yield replace(match, path=flagged, ignore_case=False)
    else:
        yield from (replace(match, path=each) for each in _path_texts(path, words))


def _path_texts(path: StringMatch, words: Words) -> Iterator[StringMatch]:
    """The text of a path; a prefix of whole segments may take two."""
    apart = path.kind == "separated_prefix" and "separated_prefix" not in words.path
    if apart and "prefix" in words.path:
        yield StringMatch("exact", path.text)
        yield StringMatch("prefix", f"{path.text}/")
    elif (fitted := fit_text(path, words.path, False)) is not None:
        yield fitted


Fields = tuple[tuple[str, StringMatch], ...]


def _fit_all(fields: Fields, kinds: Collection[str], invert: bool) -> Fields | None:
    names = [name for name, _ in fields]
    found = [(name, fit_text(match, kinds, invert)) for name, match in fields]
    if len(set(names)) < len(names):
        return None
    made = [(name, match) for name, match in found if match is not None]
    return tuple(made) if len(made) == len(fields) else None


def fit_text(match: StringMatch | None, kinds: Collection[str], invert: bool) -> StringMatch | None:
    """A text in one of these kinds, as an expression if need be."""
    if match is None or (match.invert and not invert):
        return None
    if match.kind in kinds:
        return match
    return replace(match, kind="regex", text=expression(match)) if "regex" in kinds else None


def expression(match: StringMatch) -> str:
    """A match of a whole text as an expression."""
    escaped = re.escape(match.text)
    kinds = {
        "exact": escaped, "prefix": f"{escaped}.*", "suffix": f".*{escaped}",
        "contains": f".*{escaped}.*", "present": ".*",
        "separated_prefix": f"{escaped}(?:/.*)?",
    }  # fmt: skip
    return kinds.get(match.kind, match.text)


def same(one: Sequence[Rule], other: Sequence[Rule]) -> bool:
    """Whether two callers do the same."""
    return [meaning(rule) for rule in one] == [meaning(rule) for rule in other]


def duration(value: timedelta) -> str:
    """As Go, Istio and Gateway API write durations: ``2s``, ``1500ms``."""
    micros = round(value.total_seconds() * 1_000_000)
    if micros % 1_000_000 == 0:
        return f"{micros // 1_000_000}s"
    return f"{micros // 1000}ms" if micros % 1000 == 0 else f"{micros / 1000:g}ms"
