from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mesh_yaml.values import (
    Bounds,
    Port,
    parse_bounds,
    parse_duration,
    parse_percent,
)

SECOND = timedelta(seconds=1)
INFINITE = float("inf")
ANYTHING = (
    st.text()
    | st.text("0123456789.ms%<>=x-h ")
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.lists(st.integers())
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("2s", 2),
        ("2.5s", 2.5),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h1m1s1ms", 3661.001),
        ("0s", 0),
        (" 2s ", 2),
        ("8760h", 31_536_000),
        ("0.001ms", 0.000001),
    ],
)
def test_a_duration_is_read_as_go_and_istio_write_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", [5, 5.0, None, True, "5", "", "s", "-1s", "1d", "1 s", ".5s", "1e3s"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(ValueError, match="^expected a duration such as 250ms, 2s or 1m30s, got "):
        parse_duration(text)


def test_a_duration_is_at_most_a_year() -> None:
    with pytest.raises(ValueError, match="^a duration is at most a year, got '8761h'$"):
        parse_duration("8761h")
    with pytest.raises(ValueError, match="^a duration is at most a year"):
        parse_duration("9" * 400 + "h")


@pytest.mark.parametrize(
    ("text", "percent"), [(10, 10), ("10", 10), ("10%", 10), (0.5, 0.5), ("0.5%", 0.5), (100, 100)]
)
def test_a_percentage_may_say_so(text: Any, percent: float) -> None:
    assert parse_percent(text) == percent


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (-1, "a percentage lies between 0 and 100, got -1"),
        ("100.1%", "a percentage lies between 0 and 100, got 100.1%"),
        (True, "a percentage lies between 0 and 100, got True"),
        (float("nan"), "a percentage lies between 0 and 100, got nan"),
        ("ten", "expected a percentage such as 10 or 10%, got 'ten'"),
        ("%", "expected a percentage such as 10 or 10%, got '%'"),
        (None, "expected a percentage such as 10 or 10%, got None"),
        ([1], r"expected a percentage such as 10 or 10%, got [1]"),
    ],
)
def test_what_is_no_percentage_is_refused(text: Any, told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
        parse_percent(text)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        (104, (104, 104, False)),
        ("104", (104, 104, False)),
        ("-1.5", (-1.5, -1.5, False)),
        ("72..128", (72, 128, False)),
        ("72 .. 128", (72, 128, False)),
        ("7%..13%", (7, 13, True)),
        ("50%", (50, 50, True)),
        ("2.9s..3.3s", (2.9, 3.3, False)),
        ("100ms..1m", (0.1, 60, False)),
        ("0..0.5s", (0, 0.5, False)),
        ("4x", (4, 4, False)),
        ("4×", (4, 4, False)),
        ("<= 1.27", (-INFINITE, 1.27, False)),
        (">=3", (3, INFINITE, False)),
        ("< 5", (-INFINITE, 4.999999, False)),
        ("> 5%", (5.000001, INFINITE, True)),
    ],
)
def test_bounds_are_read(text: Any, bounds: tuple[float, float, bool]) -> None:
    found = parse_bounds(text)
    assert (found.low, found.high, found.percent) == bounds
    assert str(found) == str(text).strip()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("13..7", "the lower bound comes first, got '13..7'"),
        ("7..13%", "both bounds are percentages or none is, got '7..13%'"),
        ("5..", "expected a number or bounds such as 72..128, got ''"),
        ("..5", "expected a number or bounds such as 72..128, got ''"),
        ("1...5", "expected a number or bounds such as 72..128, got '.5'"),
        ("<= 1..2", "expected a number or bounds such as 72..128, got '1..2'"),
        ("= 5", "expected a number or bounds such as 72..128, got '= 5'"),
        ("many", "expected a number or bounds such as 72..128, got 'many'"),
        (True, "expected a number or bounds such as 72..128, got True"),
        (None, "expected a number or bounds such as 72..128, got None"),
        (float("nan"), "expected a number or bounds such as 72..128, got 'nan'"),
    ],
)
def test_what_is_no_bound_is_refused(text: Any, told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
        parse_bounds(text)
    assert str(caught.value) == told


def test_both_bounds_are_included_and_a_strict_one_is_not() -> None:
    held = [value for value in (71, 72, 100, 128, 129) if parse_bounds("72..128").hold(value)]
    assert held == [72, 100, 128]
    assert not parse_bounds("< 5").hold(5)
    assert parse_bounds("< 5").hold(4.99)
    assert parse_bounds("0.1..0.3").hold(0.1 + 0.2)


def test_a_percentage_is_of_the_total() -> None:
    bounds = parse_bounds("7%..13%")
    assert [n for n in (69, 70, 130, 131) if bounds.hold(n, 1000)] == [70, 130]
    assert bounds.of(1000) == (70, 130)
    assert parse_bounds("7..13").of(1000) == (7, 13)


@pytest.mark.parametrize("parse", [parse_duration, parse_percent, parse_bounds])
@given(anything=ANYTHING)
@example(anything="9" * 4000 + "h")
def test_anything_is_a_value_or_a_value_error(parse: Any, anything: Any) -> None:
    with contextlib.suppress(ValueError):
        parse(anything)


def test_what_has_been_read_is_not_read_again() -> None:
    assert parse_duration(SECOND) is SECOND
    bounds = Bounds(1, 2)
    assert parse_bounds(bounds) is bounds


@pytest.mark.parametrize(("value", "port"), [(1, 1), (65535, 65535), ("8080", 8080)])
def test_a_port_is_a_number_or_a_variable_s_text(value: Any, port: int) -> None:
    assert TypeAdapter(Port).validate_python(value) == port


@pytest.mark.parametrize("value", [0, 65536, -1, True, 80.0, "http", None, []])
def test_what_is_no_port_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Port).validate_python(value)


@pytest.mark.parametrize("text", ["10% ± 3σ", "10%+-3sigma", "10% +/- 3 σ"])
def test_a_share_may_have_its_standard_deviations(text: str) -> None:
    bounds = parse_bounds(text)
    assert (bounds.chance, bounds.sigmas, bounds.percent) == (0.1, 3, True)
    low, high = bounds.of(1000)
    assert (round(low, 2), round(high, 2)) == (71.54, 128.46)
    assert [bounds.hold(count, 1000) for count in (71, 72, 128, 129)] == [False, True, True, False]
    assert bounds.of(0) == (0, 0)
    assert parse_bounds("10%..20%").chance is None


@pytest.mark.parametrize("text", ["101% ± 3σ", "10% ± 0σ", "10% ± 11σ"])
def test_deviations_of_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a share such as 10% ± 3σ, with up to 10σ"):
        parse_bounds(text)
