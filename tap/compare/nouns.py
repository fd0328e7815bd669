"""What a comparison speaks of: a difference, and all of those between two responses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MAX_SHOWN = 300  # characters of one value


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that is not the same; None where a side does not have it.

    ``part`` is ``response``, ``status``, ``header``, ``trailer`` or ``body``; ``at`` the name of
    the field, the path into the value (``$.user.name``) or the line. ``ignored`` names the rule by
    which it does not count, "" if none does.
    """

    part: str
    at: str
    before: str | None
    after: str | None
    ignored: str = ""

    @property
    def place(self) -> str:
        """``header x-plan``, ``body $.user.name``."""
        return f"{self.part} {self.at}".strip()


@dataclass(frozen=True, slots=True)
class Comparison:
    """``differences`` count, ``ignored`` do not; ``notes`` say what could not be compared."""

    differences: tuple[Difference, ...] = ()
    ignored: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Nothing differs but what is ignored."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "same": self.same,
            "differences": [_as_json(each) for each in self.differences],
            "ignored": [{**_as_json(each), "rule": each.ignored} for each in self.ignored],
            "notes": list(self.notes),
        }


def _as_json(difference: Difference) -> dict[str, str | None]:
    return {
        "part": difference.part,
        "at": difference.at,
        "before": difference.before,
        "after": difference.after,
    }


def shown(value: Any) -> str:
    """A JSON value as one short line; a text keeps its quotes, as null and "null" are not one."""
    return cut(json.dumps(value, ensure_ascii=False))


def cut(text: str) -> str:
    """``text`` if it is short, else its beginning and how much there is."""
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[:MAX_SHOWN]}… ({len(text):,} characters)"
