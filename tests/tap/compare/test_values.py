"""Where JSON values and texts differ."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap.compare.rules import Rules
from tap.compare.values import MAX_ALIGNED, Values, lines_differ

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda some: (
        st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=3), some, max_size=3)
    ),
    max_leaves=12,
)


def differ(before: Any, after: Any, *rules: str, partly: bool = False) -> list[tuple[Any, ...]]:
    found = Values(Rules.of(rules), partly).differ(before, after)
    return [(each.at, each.before, each.after, each.ignored) for each in found]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("$.a", "1", "true", "")]),
        ({"a": None}, {}, [("$.a", "null", None, "")]),
        ({}, {"a b": "x"}, [('$["a b"]', None, '"x"', "")]),
        ([1, 2], [1, 3, 4], [("$[1]", "2", "3", ""), ("$[2]", None, "4", "")]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [("$.a[0].b", "1", "2", "")]),
        ({"a": {}}, {"a": []}, [("$.a", "{}", "[]", "")]),
        ("null", None, [("$", '"null"', "null", "")]),
    ],
)
def test_each_place_that_differs_is_told(before: Any, after: Any, found: list[Any]) -> None:
    assert differ(before, after) == found


def test_a_path_and_all_below_it_can_be_ignored() -> None:
    before = {"a": [{"n": 1, "k": 1}, {"n": 2, "k": 1}], "b": {"c": {"d": 1}}}
    after = {"a": [{"n": 5, "k": 1}, {"n": 6, "k": 2}], "b": {"c": {"d": 2}}, "e": 1}
    told = differ(before, after, "$.a[*].n", "$.b", "$..e")
    assert [at for at, _, _, ignored in told if not ignored] == ["$.a[1].k"]
    assert [ignored for _, _, _, ignored in told if ignored] == [
        "$.a[0].n", "$.a[1].n", "$.b.c.d", "$.e"
    ]  # fmt: skip


def test_pairs_of_names_and_values_are_compared_as_headers() -> None:
    before = [["host", "a"], ["x-request-id", "1"], ["x", "1"], ["x", "2"]]
    after = [["x-request-id", "2"], ["x", "1"], ["x", "3"], ["host", "a"]]
    assert differ(before, after) == [
        ('$["x-request-id"]', '"1"', '"2"', "header:x-request-id"),
        ("$.x", '"1" | "2"', '"1" | "3"', ""),
    ]


def test_of_a_value_that_was_cut_nothing_that_it_lacks_counts() -> None:
    before, after = {"a": 1, "b": [1]}, {"a": 2, "b": [1, 2], "c": 3}
    assert differ(before, after, partly=True) == [("$.a", "1", "2", "")]


@given(JSON, JSON)
@settings(max_examples=150)
def test_equal_values_do_not_differ_and_others_do_both_ways(one: Any, other: Any) -> None:
    assert differ(one, one) == []
    there, back = differ(one, other, "none"), differ(other, one, "none")
    assert len(there) == len(back)
    assert {(a, b) for _, a, b, _ in there} == {(b, a) for _, a, b, _ in back}


def lines(before: str, after: str, partly: bool = False) -> list[tuple[Any, ...]]:
    found = lines_differ(before, after, Rules.of(), partly)
    return [(each.at, each.before, each.after, each.ignored) for each in found]


def test_lines_are_aligned() -> None:
    assert lines("a\nb\nc", "a\nx\nb\nd") == [("line 2", None, "x", ""), ("line 3", "c", "d", "")]
    times = lines("at 2026-01-02T03:04:05Z", "at 2026-01-02T03:04:06Z")
    assert [ignored for *_, ignored in times] == ["times"]
    assert lines("a\nb\nc", "a\nb\ncut\nmore", partly=True) == []


def test_what_is_the_same_at_both_ends_is_no_matter_however_long() -> None:
    many = "\n".join(map(str, range(5_000)))
    assert lines(f"{many}\na\n{many}", f"{many}\nnew\na\n{many}") == [
        ("line 5001", None, "new", "")
    ]


def test_many_other_lines_are_compared_by_number_and_soon() -> None:
    one = ["x", "y"] * MAX_ALIGNED
    other = ["y", "x", "x"] * MAX_ALIGNED
    began = time.perf_counter()
    assert lines("\n".join(one), "\n".join(other))[:1] == [("line 1", "x", "y", "")]
    lines("\n".join(one[:MAX_ALIGNED]), "\n".join(other[:MAX_ALIGNED]))
    assert time.perf_counter() - began < 5
