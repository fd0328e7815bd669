"""How a text must look: the words ``exact``, ``prefix``, … as people write them, and what they
mean. Pattern files and filter tests use the same ones.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from mesh_yaml.spec import AlsoWritten, Closed, SomeText, Text


@dataclass(frozen=True, slots=True)
class StringMatch:
    """How a text must look. ``kind`` is one of ``exact``, ``prefix``, ``suffix``, ``contains``,
    ``regex`` (RE2, of the whole text) and ``present``; ``invert`` turns it around.
    """

    kind: str
    text: str = ""
    invert: bool = False

    def any_holds(self, values: Iterable[str]) -> bool:
        """Of fields of one name, one that matches is enough (Envoy, since 1.39).

        An inverted match holds where there is none, too.
        """
        return any(self.holds(value) for value in values) != self.invert

    def holds(self, value: str) -> bool:
        """One text against this, ``invert`` left aside."""
        match self.kind:
            case "exact":
                return value == self.text
            case "prefix":
                return value.startswith(self.text)
            case "suffix":
                return value.endswith(self.text)
            case "contains":
                return self.text in value
            case "regex":
                return re.fullmatch(self.text, value) is not None
        return True  # present


class PlainMatchSpec(Closed):
    """How a text must look; exactly one of these."""

    modifiers: ClassVar[frozenset[str]] = frozenset({"invert"})  # what says nothing by itself

    exact: Text | None = None
    prefix: SomeText | None = None
    suffix: SomeText | None = None
    contains: SomeText | None = None
    regex: str | None = Field(None, min_length=1, description="RE2, of the whole text")

    @model_validator(mode="after")
    def _one(self) -> PlainMatchSpec:
        given = self.given()
        if len(given) != 1:
            names = ", ".join(self._kinds())
            raise ValueError(f"expected one of {names}, got {', '.join(given) or 'none'}")
        if self.regex is not None:
            groups_of(self.regex)
        return self

    @classmethod
    def _kinds(cls) -> list[str]:
        """The keys of which there is one; a field whose key Python needs itself ends in ``_``."""
        return sorted(name.rstrip("_") for name in cls.model_fields if name not in cls.modifiers)

    def given(self) -> list[str]:
        """The keys that are there."""
        names = (name for name in self.model_fields_set if name not in self.modifiers)
        return sorted(name.rstrip("_") for name in names if getattr(self, name) is not None)

    def meaning(self) -> StringMatch:
        kind = self.given()[0]
        return StringMatch(kind, getattr(self, kind))


class QueryMatchSpec(PlainMatchSpec):
    """How a parameter must look; Envoy can't turn this around."""

    present: bool | None = Field(None, description="false: must be absent")

    def meaning(self) -> StringMatch:
        if self.present is not None:
            return StringMatch("present", invert=not self.present)
        return super().meaning()


class TextMatchSpec(QueryMatchSpec):
    """How a text must look, or must not."""

    invert: bool = Field(False, description="holds when the rest does not")

    def meaning(self) -> StringMatch:
        match = super().meaning()
        return replace(match, invert=not match.invert) if self.invert else match


def groups_of(text: str) -> int:
    """How many groups a regular expression has.

    Raises:
        ValueError: it is none. Where Python and RE2 differ, Envoy has the last word.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # [[:alpha:]]
            return re.compile(text).groups
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


def exact(value: Any) -> Any:
    """The validator of a match that may be written as a bare text."""
    return value if isinstance(value, dict) else {"exact": value}


SHORT = AlsoWritten.of("string", "number", "boolean")
QueryMatch = Annotated[QueryMatchSpec, BeforeValidator(exact), SHORT]
TextMatch = Annotated[TextMatchSpec, BeforeValidator(exact), SHORT]
