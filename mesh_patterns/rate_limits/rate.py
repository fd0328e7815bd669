"""``10/min``: so many of something in a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from mesh_yaml.values import parse_duration

_RATE = re.compile(r"(\d+)\s*/\s*(\S+)")
_UNITS = {
    "s": "second", "sec": "second", "second": "second",
    "m": "minute", "min": "minute", "minute": "minute",
    "h": "hour", "hour": "hour",
    "d": "day", "day": "day",
}  # fmt: skip
SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 30 * 86_400,  # as envoyproxy/ratelimit has them: calendars are not its affair
    "year": 365 * 86_400,
}
MAX_COUNT = 2**32 - 1
SHORTEST = timedelta(milliseconds=50)  # Envoy refuses to fill a bucket more often


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` in the time ``per``, whose name is ``unit`` where it has one."""

    count: int
    per: timedelta
    unit: str | None
    text: str

    def __str__(self) -> str:
        return self.text


def parse_rate(text: Any) -> Rate:
    """``10/min``, ``500/s``, ``20/10s``; a bare number is an error."""
    if isinstance(text, Rate):
        return text
    found = _RATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"expected a rate such as 10/min, 500/s or 20/10s, got {text!r}")
    count, unit = int(found[1]), _UNITS.get(found[2])
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"a rate is 1 to {MAX_COUNT} in a time, got {text!r}")
    per = timedelta(seconds=SECONDS[unit]) if unit else _duration(text, found[2])
    if per < SHORTEST:
        raise ValueError(f"the time of a rate is 50ms at least, got {text!r}")
    return Rate(count, per, unit or _name(per), text.strip())


def _duration(whole: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        units = "s, min, hour, day or a duration"
        raise ValueError(f"expected {units} after '/', got {whole!r}") from error


def _name(per: timedelta) -> str | None:
    return next((name for name, seconds in SECONDS.items() if per.total_seconds() == seconds), None)


RateText = Annotated[
    Rate,
    BeforeValidator(parse_rate),
    WithJsonSchema({"type": "string", "pattern": rf"^{_RATE.pattern}$", "examples": ["10/min"]}),
]
