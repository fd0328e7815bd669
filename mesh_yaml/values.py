"""The small values of the language: durations, percentages, bounds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
MAX_DURATION = timedelta(days=365)  # more is a typo, and Envoy refuses some centuries
MIN_DURATION = timedelta(milliseconds=1)  # what Envoy takes for a time at all
_SPREAD = re.compile(r"(\d+(?:\.\d+)?)%\s*(?:±|\+-|\+/-)\s*(\d+(?:\.\d+)?)\s*(?:σ|sigma)")
MAX_SIGMAS = 10.0
_BOUND = re.compile(r"(-?\d+(?:\.\d+)?)(%|ms|s|m|h|x|×)?")


def parse_duration(text: Any) -> timedelta:
    """``250ms``, ``2.5s``, ``1h30m`` as Go and Istio write them; a bare number is an error."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"expected a duration such as 250ms, 2s or 1m30s, got {text!r}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > MAX_DURATION.total_seconds():
        raise ValueError(f"a duration is at most a year, got {text!r}")
    return timedelta(seconds=seconds)


def _some(value: timedelta) -> timedelta:
    if value < MIN_DURATION:
        raise ValueError(f"expected at least 1ms, got {value.total_seconds():g}s")
    return value


def parse_percent(text: Any) -> float:
    """``10`` or ``10%``: a share of one hundred, from 0 to 100."""
    number = text[:-1] if isinstance(text, str) and text.endswith("%") else text
    try:
        percent = float(number)
    except (TypeError, ValueError):
        raise ValueError(f"expected a percentage such as 10 or 10%, got {text!r}") from None
    if isinstance(text, bool) or not 0 <= percent <= 100:
        raise ValueError(f"a percentage lies between 0 and 100, got {text}")
    return percent


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number may be: ``low`` to ``high``, both included.

    Durations are in seconds. ``percent`` says that both are hundredths of a total. With ``sigmas``,
    it is that many standard deviations (binomial) to either side of one share of the total.
    """

    low: float
    high: float
    percent: bool = False
    text: str = ""
    sigmas: float = 0.0

    def hold(self, value: float, total: float | None = None) -> bool:
        """Whether ``value`` lies within; of a percentage, ``value`` as a share of ``total``."""
        if self.sigmas and total is not None:
            low, high = self.of(total)
            return low - 1e-9 <= value <= high + 1e-9
        seen = 100 * value / total if self.percent and total else value
        return self.low - 1e-9 <= seen <= self.high + 1e-9

    def of(self, total: float) -> tuple[float, float]:
        """Low and high as plain numbers, percentages taken of ``total``."""
        scale = total / 100 if self.percent else 1.0
        if not self.sigmas:
            return self.low * scale, self.high * scale
        mean, chance = self.low * scale, self.low / 100
        spread = self.sigmas * math.sqrt(total * chance * (1 - chance))
        return max(0.0, mean - spread), min(total, mean + spread)

    @property
    def chance(self) -> float | None:
        """Of each of the total, as it was claimed; ``None`` where it was not."""
        return self.low / 100 if self.sigmas else None

    def __str__(self) -> str:
        return self.text


def parse_bounds(text: Any) -> Bounds:
    """``104``, ``72..128``, ``7%..13%``, ``10% ± 3σ``, ``<= 1.27``, ``> 3``, ``2.9s..3.3s``,
    ``4x``."""
    if isinstance(text, Bounds):
        return text
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(f"expected a number or bounds such as 72..128, got {text!r}")
    shown = str(text).strip()
    if spread := _SPREAD.fullmatch(shown):
        return _spread(float(spread[1]), float(spread[2]), shown)
    compared = re.fullmatch(r"(<=|>=|<|>)\s*(.+)", shown)
    if compared:
        return _one_sided(compared[1], *_bound(compared[2]), shown)
    low, dots, high = shown.partition("..")
    (first, unit), (last, last_unit) = _bound(low), _bound(high if dots else low)
    if (unit == "%") != (last_unit == "%"):
        raise ValueError(f"both bounds are percentages or none is, got {shown!r}")
    if first > last:
        raise ValueError(f"the lower bound comes first, got {shown!r}")
    return Bounds(first, last, unit == "%", shown)


def _spread(percent: float, sigmas: float, shown: str) -> Bounds:
    if percent > 100 or not 0 < sigmas <= MAX_SIGMAS:
        wanted = f"expected a share such as 10% ± 3σ, with up to {MAX_SIGMAS:g}σ"
        raise ValueError(f"{wanted}, got {shown!r}")
    return Bounds(percent, percent, True, shown, sigmas)


def _one_sided(sign: str, value: float, unit: str, shown: str) -> Bounds:
    step = 1e-6 if sign in "<>" else 0.0  # a strict bound, on numbers that are measured
    if sign.startswith("<"):
        return Bounds(float("-inf"), value - step, unit == "%", shown)
    return Bounds(value + step, float("inf"), unit == "%", shown)


def _bound(text: str) -> tuple[float, str]:
    match = _BOUND.fullmatch(text.strip())
    if not match:
        raise ValueError(f"expected a number or bounds such as 72..128, got {text!r}")
    unit = match[2] or ""
    return float(match[1]) * _UNITS.get(unit, 1.0), unit


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": rf"^{_DURATION.pattern}$", "examples": ["2.5s"]}),
]
SomeTime = Annotated[Duration, AfterValidator(_some)]
Percent = Annotated[
    float,
    BeforeValidator(parse_percent),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 100},
                {"type": "string", "pattern": r"^\d+(\.\d+)?%$"},
            ]
        }
    ),
]
Bound = Annotated[
    Bounds,
    BeforeValidator(parse_bounds),
    WithJsonSchema(
        {"type": ["number", "string"], "examples": ["72..128", "<= 1.27", "7%..13%", "10% ± 3σ"]}
    ),
]


def _port(value: Any) -> Any:
    """``--var`` gives text; ``true`` is no port, though it is an integer to Python."""
    if isinstance(value, bool | float):
        raise ValueError(f"expected a port from 1 to 65535, got {value}")
    return value


Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(_port)]
