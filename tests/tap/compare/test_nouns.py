"""Differences and comparisons."""

from __future__ import annotations

from tap.compare import Comparison, Difference
from tap.compare.nouns import MAX_SHOWN, shown


def test_a_place_is_called_as_people_do() -> None:
    assert Difference("status", "", "200", "404").place == "status"
    assert Difference("header", "x-plan", None, "free").place == "header x-plan"


def test_values_are_short_and_null_is_no_text() -> None:
    assert (shown(None), shown("null")) == ("null", '"null"')
    assert shown("x" * 1000) == '"' + "x" * (MAX_SHOWN - 1) + "… (1,002 characters)"


def test_what_is_ignored_makes_no_difference() -> None:
    date = Difference("header", "date", "a", "b", "header:date")
    assert Comparison(ignored=(date,)).same
    assert not Comparison((Difference("status", "", "200", "404"),)).same
