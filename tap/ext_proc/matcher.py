"""A match of what to capture → the predicate of an Envoy matcher, for a filter that asks it. Pure.

A filter is asked before it sees a request, so only the request's headers decide; what is known of
the response only lets through. Source: Envoy, "Matching API", ``xds.type.matcher.v3.Matcher``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tap.traces.request import AllOf, AnyOf, HeaderIs, Rule
from xds_server.mirror import any_of
from xds_server.protos import Message, matcher, xds_core, xds_matcher

Predicate = xds_matcher.MatcherMatcherListPredicate


def predicate_of(rule: Rule) -> Predicate | None:
    """What holds for all that ``rule`` lets through, as far as a request's headers say; None:
    nothing is known to."""
    if isinstance(rule, HeaderIs):
        return header(rule.name, xds_matcher.StringMatcher(exact=rule.value))
    if isinstance(rule, AllOf):
        return every([predicate_of(each) for each in rule.of])
    if isinstance(rule, AnyOf):
        return some([predicate_of(each) for each in rule.of])
    return None


def every(predicates: Iterable[Predicate | None]) -> Predicate | None:
    """All of those that are known hold."""
    known = [one for one in predicates if one is not None]
    if len(known) < 2:
        return known[0] if known else None
    return Predicate(and_matcher=_list(known))


def some(predicates: Collection[Predicate | None]) -> Predicate | None:
    """One of these holds, which is nothing to know where one of them is not known."""
    known = [one for one in predicates if one is not None]
    if len(known) < len(predicates):
        return None
    return Predicate(or_matcher=_list(known)) if len(known) > 1 else next(iter(known), None)


def _list(
    predicates: list[Predicate],
) -> xds_matcher.MatcherMatcherListPredicatePredicateList:
    return xds_matcher.MatcherMatcherListPredicatePredicateList(predicate=predicates)


def header(name: str, value: xds_matcher.StringMatcher) -> Predicate:
    """The request has that header, with such a value; one that comes twice is one value, with a
    comma in it."""
    return single("header", matcher.HttpRequestHeaderMatchInput(header_name=name), value)


def single(name: str, read: Message, value: xds_matcher.StringMatcher) -> Predicate:
    """What the input ``read`` gives is such a value."""
    told = xds_core.TypedExtensionConfig(name=name, typed_config=any_of(read))
    return Predicate(
        single_predicate=xds_matcher.MatcherMatcherListPredicateSinglePredicate(
            input=told, value_match=value
        )
    )
