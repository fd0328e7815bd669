"""What a request wishes of the echo: to wait, or to fail. Pure functions over its headers.

``x-meshloom-wait: 0.3`` and ``x-meshloom-status: 503`` are for the first echo that gets them;
``x-meshloom-wait: reviews=0.3, ratings/v2=1`` for those that it names, wherever they are in the
chain of calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mini_mesh.echo.config import Instance

WAIT, STATUS = "x-meshloom-wait", "x-meshloom-status"
MAX_WAIT = 60.0  # seconds

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Wishes:
    """``wait`` is in seconds; ``status`` is HTTP's, ``None`` for the usual one."""

    wait: float = 0.0
    status: int | None = None


def wishes(instance: Instance, headers: Fields) -> Wishes:
    """What ``headers`` wish of ``instance``; what makes no sense is not there."""
    wait, status = _number(instance, headers, WAIT), _number(instance, headers, STATUS)
    return Wishes(
        min(max(0.0, wait or 0.0), MAX_WAIT),
        int(status) if status is not None and 200 <= status <= 599 else None,
    )


def handed_on(headers: Fields) -> list[tuple[str, str]]:
    """The headers without those wishes that were for the first echo."""
    return [(name, value) for name, value in headers if not _is_plain(name, value)]


def _is_plain(name: str, value: str) -> bool:
    return name.lower() in (WAIT, STATUS) and "=" not in value


def _number(instance: Instance, headers: Fields, wanted: str) -> float | None:
    names = {"", instance.service, f"{instance.service}/{instance.version}"}
    for name, value in headers:
        for part in value.split(",") if name.lower() == wanted else ():
            whom, _, number = part.rpartition("=")
            if whom.strip() in names and (found := _parsed(number)) is not None:
                return found
    return None


def _parsed(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
