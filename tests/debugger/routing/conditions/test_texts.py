from __future__ import annotations

import pytest

from debugger.routing.conditions.texts import ascii_lower, plain, regex_match, string_match
from xds_server.mirror import parse, serialize
from xds_server.protos import matcher, xds_core


def holds(text: str, **wanted: object) -> bool:
    message = matcher.StringMatcher(**wanted)
    found = string_match(parse(matcher.StringMatcher, serialize(message))).holds
    assert found is not None
    return found(text)


def test_only_ascii_has_upper_and_lower_case() -> None:
    assert ascii_lower("ÉA") == "Éa"
    assert holds("éA", exact="éa", ignore_case=True)
    assert not holds("Éa", exact="éa", ignore_case=True)


@pytest.mark.parametrize(
    ("text", "matches"), [("a", True), ("é", False), ("\udce9", True), ("ab", False)]
)
def test_an_expression_is_of_the_whole_text_and_sees_bytes(text: str, matches: bool) -> None:
    """Measured on Envoy: a dot is one byte of UTF-8's two."""
    assert holds(text, safe_regex=matcher.RegexMatcher(regex="^.$")) is matches


def test_what_is_not_read_says_so() -> None:
    custom = matcher.StringMatcher(custom=xds_core.TypedExtensionConfig(name="x"))
    assert string_match(parse(matcher.StringMatcher, serialize(custom))).holds is None


def test_an_expression_that_envoy_refuses_is_no_exception() -> None:
    message = matcher.RegexMatcher(regex="(a")
    found = regex_match(parse(matcher.RegexMatcher, serialize(message)))
    assert found.holds is None
    assert found.words.startswith("regex (a, which Envoy refuses: ")


def test_no_control_character_is_shown() -> None:
    assert plain("a\x1b[31m\\.b") == "a\\x1b[31m\\.b"
