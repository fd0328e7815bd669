"""What a text has to look like, and whether it does."""

from __future__ import annotations

import pytest

from mesh_yaml.matching import StringMatch, TextMatchSpec, groups_of


@pytest.mark.parametrize(
    ("kind", "text", "held", "not_held"),
    [
        ("exact", "ab", "ab", "abc"),
        ("prefix", "ab", "abc", "cab"),
        ("suffix", "bc", "abc", "bca"),
        ("contains", "b", "abc", "ac"),
        ("regex", "a.c", "abc", "abcd"),
    ],
)
def test_each_kind_looks_at_its_part(kind: str, text: str, held: str, not_held: str) -> None:
    assert StringMatch(kind, text).holds(held)
    assert not StringMatch(kind, text).holds(not_held)


@pytest.mark.parametrize(("present", "invert"), [(False, False), (True, True)])
def test_absence_may_be_said_in_two_ways(present: bool, invert: bool) -> None:
    match = TextMatchSpec(present=present, invert=invert).meaning()
    assert match.any_holds([])
    assert not match.any_holds(["x"])


def test_of_repeated_fields_one_that_matches_is_enough() -> None:
    assert StringMatch("exact", "admin").any_holds(["user", "admin"])
    assert not StringMatch("exact", "admin").any_holds(["user,admin"])


def test_an_inverted_match_holds_where_the_field_is_absent() -> None:
    assert StringMatch("exact", "b", invert=True).any_holds([])
    assert not StringMatch("exact", "b", invert=True).any_holds(["b"])
    assert StringMatch("present", invert=True).any_holds([])


def test_a_posix_class_is_no_warning_to_anybody() -> None:
    assert groups_of("[[:alpha:]]+(x)(y)") == 2
