"""Which differences do not count."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tap.compare.rules import HEADERS, IDS, MASKED, TIMES, RuleError, Rules

ONE, OTHER = "5f0c1a52-9b0e-4e6b-8a8e-111111111111", "0d9f8a7c-1234-4abc-9def-222222222222"


@pytest.mark.parametrize(
    ("name", "before", "after", "rule"),
    [
        ("at", "2026-01-02T03:04:05Z", "2026-05-06T07:08:09.123+02:00", TIMES),
        ("at", "Sat, 28 Nov 2026 21:31:24 GMT", "Sun, 29 Nov 2026 01:31:24 GMT", TIMES),
        ("at", "made 2026-01-02 03:04 here", "made 2026-01-02 03:05 here", TIMES),
        ("at", "2026-01-02T03:04:05Z", "soon", ""),
        ("created_at", 1_795_900_578, 1_795_900_579.5, TIMES),
        ("took_ms", 3, 4, TIMES),
        ("price", 3, 4, ""),
        ("rate", 3, 4, ""),
        ("x", ONE, OTHER, IDS),
        ("x", f"order {ONE}", f"order {OTHER}", IDS),
        ("x", f"order {ONE}", f"cart {OTHER}", ""),
        ("x", ONE, "none", ""),
        ("x", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ", IDS),
        ("spanId", "00f067aa0ba902b7", "b7ad6b7169203331", IDS),
        ("etag", "00f067aa0ba902b7", "b7ad6b7169203331", ""),
        ("x", f"{ONE} at 2026-01-02T03:04:05Z", f"{OTHER} at 2026-01-02T03:04:06Z", "times, ids"),
        ("x", "[redacted 3f9a1c]", "[redacted aaaaaa]", MASKED),
        ("x", "[redacted 3f9a1c]", "plain", MASKED),
        ("ok", True, False, ""),
        ("ok_at", True, 1, ""),
        ("x", None, "a", ""),
    ],
)
def test_a_kind_is_told_by_both_values(name: str, before: Any, after: Any, rule: str) -> None:
    assert Rules.of().of_values(name, before, after) == rule


def test_the_table_of_headers_holds_unless_it_is_turned_off() -> None:
    assert Rules.of().of_header("Date") == "header:date"
    assert Rules.of().of_header("x-plan") == ""
    assert Rules.of(["header:X-Plan"]).of_header("x-plan") == "header:x-plan"
    bare = Rules.of(["none", "header:date"])
    assert bare.of_header("date") == "header:date"
    assert bare.of_header("x-request-id") == ""
    assert bare.of_texts(ONE, OTHER) == ""
    assert all(name == name.lower() for name in HEADERS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tims", "unknown rule 'tims'; did you mean 'times'?"),
        ("header:", "unknown rule 'header:'"),
        ("$.a[", "expected .name"),
        ("$", "names nothing"),
    ],
)
def test_a_rule_that_is_none_is_named(text: str, said: str) -> None:
    with pytest.raises(RuleError, match=said.replace("[", r"\[").replace("$", r"\$")):
        Rules.of([text])


def test_long_hostile_texts_are_compared_in_time_that_grows_with_them() -> None:
    began = time.perf_counter()
    for text in ("0" * 10**6, "2026-01-02T" * 10**5, "[redacted " * 10**5, "a-" * 10**5):
        Rules.of().of_values("id", text, f"{text}x")
    assert time.perf_counter() - began < 5
