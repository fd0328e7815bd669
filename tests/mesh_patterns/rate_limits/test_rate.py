"""Rates as they are written."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from mesh_patterns.rate_limits.rate import Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "count", "seconds", "unit"),
    [
        ("10/min", 10, 60, "minute"),
        ("500/s", 500, 1, "second"),
        ("3 / hour", 3, 3600, "hour"),
        ("1000/d", 1000, 86400, "day"),
        ("20/10s", 20, 10, None),
        ("5/60s", 5, 60, "minute"),
        ("1/50ms", 1, 0.05, None),
    ],
)
def test_a_rate_is_so_many_in_a_time(text: str, count: int, seconds: float, unit: str) -> None:
    assert parse_rate(text) == Rate(count, timedelta(seconds=seconds), unit, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (10, "expected a rate such as 10/min, 500/s or 20/10s, got 10"),
        ("10", "expected a rate such as"),
        ("10/fortnight", "expected s, min, hour, day or a duration after '/', got '10/fortnight'"),
        ("0/min", "a rate is 1 to 4294967295 in a time"),
        ("4294967296/s", "a rate is 1 to 4294967295 in a time"),
        ("1/49ms", "the time of a rate is 50ms at least"),
        ("-1/s", "expected a rate such as"),
    ],
)
def test_what_is_no_rate_is_refused(text: object, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        parse_rate(text)
