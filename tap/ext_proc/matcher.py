"""A match of what to capture → the predicate of an Envoy matcher, for a filter that asks it. Pure.

A filter is asked before it sees a request, so only the request's headers decide; what is known of
the response only lets through. Source: Envoy, "Matching API", ``xds.type.matcher.v3.Matcher``.
"""

from __future__ import annotations

from tap.traces.request import AllOf, AnyOf, HeaderIs, Rule
from xds_server.mirror import any_of
from xds_server.protos import matcher, xds_core, xds_matcher

Predicate = xds_matcher.MatcherMatcherListPredicate


def predicate_of(rule: Rule) -> Predicate | None:
    """What holds for all that ``rule`` lets through, as far as a request's headers say; None:
    nothing is known to."""
    if isinstance(rule, HeaderIs):
        return _header_is(rule)
    if isinstance(rule, AllOf):
        return _all([one for each in rule.of if (one := predicate_of(each)) is not None])
    if isinstance(rule, AnyOf):
        return _any([predicate_of(each) for each in rule.of])
    return None


def _all(known: list[Predicate]) -> Predicate | None:
    if len(known) < 2:
        return known[0] if known else None
    return Predicate(and_matcher=_list(known))


def _any(predicates: list[Predicate | None]) -> Predicate | None:
    known = [one for one in predicates if one is not None]
    return Predicate(or_matcher=_list(known)) if len(known) == len(predicates) else None


def _list(
    predicates: list[Predicate],
) -> xds_matcher.MatcherMatcherListPredicatePredicateList:
    return xds_matcher.MatcherMatcherListPredicatePredicateList(predicate=predicates)


def _header_is(rule: HeaderIs) -> Predicate:
    asked = any_of(matcher.HttpRequestHeaderMatchInput(header_name=rule.name))
    single = xds_matcher.MatcherMatcherListPredicateSinglePredicate(
        input=xds_core.TypedExtensionConfig(name="header", typed_config=asked),
        value_match=xds_matcher.StringMatcher(exact=rule.value),
    )
    return Predicate(single_predicate=single)
