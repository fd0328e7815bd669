"""Conditions on headers, query parameters and cookies.

A header that comes several times holds when one of its values does, and its opposite when none
does (Envoy, since 1.39). One that is missing never does, turned around or not, unless
``treat_missing_header_as_empty`` says that it is empty.
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-headermatcher
"""

from __future__ import annotations

import re
from typing import Any

from debugger.routing.arriving.arrival import Arrival, shown
from debugger.routing.arriving.manager import whole
from debugger.routing.conditions.texts import TextMatch, regex_match, string_match, text_match
from debugger.routing.conditions.wanted import Wanted, unknown

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)[ \t\n\v\f\r]*")
MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1
_OLD = {"prefix_match": "prefix", "suffix_match": "suffix", "contains_match": "contains"}


def header_condition(matcher: Any, place: str) -> Wanted:
    """From a ``HeaderMatcher``."""
    kind = matcher.WhichOneof("header_match_specifier")
    if kind in (None, "present_match"):
        return _presence(matcher, place, kind is None or matcher.present_match)
    found = _value_match(matcher, kind)
    return _value(matcher, place, found)


def _presence(matcher: Any, place: str, wanted: bool) -> Wanted:
    name = matcher.name.lower()
    present: bool = wanted != matcher.invert_match
    as_empty: bool = matcher.treat_missing_header_as_empty
    text = f"header {matcher.name} is {'there' if present else 'absent'}"

    def test(arrival: Arrival) -> bool:
        there = as_empty or name in arrival.headers or name in arrival.made
        return there == present

    def why(arrival: Arrival, holds: bool | None) -> str:
        if name in arrival.headers:
            return arrival.shown(name)
        return "Envoy adds it" if name in arrival.made else _absent(as_empty)

    return Wanted(text, place, test, why)


def _value(matcher: Any, place: str, found: TextMatch) -> Wanted:
    name, invert = matcher.name.lower(), matcher.invert_match
    as_empty = matcher.treat_missing_header_as_empty
    text = f"header {matcher.name}: {'not ' if invert else ''}{found.words}"
    holds_one = found.holds
    if holds_one is None:
        return unknown(text, place, f"{found.words} is not read here")
    empty = ("",) if as_empty else ()

    def test(arrival: Arrival) -> bool | None:
        if name in arrival.made:
            return None
        values = arrival.headers.get(name) or empty
        return bool(values) and any(map(holds_one, values)) != invert

    def why(arrival: Arrival, holds: bool | None) -> str:
        if holds is None:
            return "Envoy makes its value"
        return arrival.shown(name) if name in arrival.headers else _absent(as_empty)

    return Wanted(text, place, test, why)


def _value_match(matcher: Any, kind: str) -> TextMatch:
    if kind == "string_match":
        return string_match(matcher.string_match)
    if kind == "safe_regex_match":
        return regex_match(matcher.safe_regex_match)
    if kind == "range_match":
        return _range(matcher.range_match.start, matcher.range_match.end)
    if kind == "exact_match":
        if matcher.exact_match == "":
            return TextMatch("any value", lambda value: True)  # an empty one, as Envoy reads it
        return text_match("exact", matcher.exact_match)
    return text_match(_OLD[kind], getattr(matcher, kind))


def _range(start: int, end: int) -> TextMatch:
    def holds(value: str) -> bool:
        found = _NUMBER.fullmatch(value)
        size = whole(found[2]) if found else None
        if found is None or size is None:
            return False
        number = -size if found[1] == "-" else size
        return start <= number < end and MIN_INT64 <= number <= MAX_INT64

    return TextMatch(f"a number from {start}, below {end}", holds)


def query_condition(matcher: Any, place: str) -> Wanted:
    """From a ``QueryParameterMatcher``. Of a parameter that repeats, the first counts."""
    name, kind = matcher.name, matcher.WhichOneof("query_parameter_match_specifier")
    if kind != "string_match":
        present = kind is None or matcher.present_match
        return Wanted(
            f"query parameter {name} is {'there' if present else 'absent'}",
            place,
            lambda arrival: (name in arrival.query) == present,
            lambda arrival, _: _one(arrival.query.get(name), "parameter"),
        )
    found = string_match(matcher.string_match)
    text = f"query parameter {name}: {found.words}"
    holds_one = found.holds
    if holds_one is None:
        return unknown(text, place, f"{found.words} is not read here")
    return Wanted(
        text,
        place,
        lambda arrival: name in arrival.query and holds_one(arrival.query[name]),
        lambda arrival, _: _one(arrival.query.get(name), "parameter"),
    )


def cookie_condition(matcher: Any, place: str) -> Wanted:
    """From a ``CookieMatcher``. One that is missing holds when it is turned around."""
    name: str = matcher.name
    invert: bool = matcher.invert_match
    found = string_match(matcher.string_match)
    text = f"cookie {name}: {'not ' if invert else ''}{found.words}"
    holds_one = found.holds
    if holds_one is None:
        return unknown(text, place, f"{found.words} is not read here")

    def test(arrival: Arrival) -> bool:
        return (name in arrival.cookies and holds_one(arrival.cookies[name])) != invert

    return Wanted(text, place, test, lambda arrival, _: _one(arrival.cookies.get(name), "cookie"))


def _absent(as_empty: bool) -> str:
    return "the header is absent, which counts as empty" if as_empty else "the header is absent"


def _one(value: str | None, noun: str) -> str:
    return f"the {noun} is absent" if value is None else shown((value,))
