"""Matches as people write them, and the :class:`~mesh_patterns.draft.Match` that they mean."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.draft import Match, StringMatch
from mesh_patterns.spec import AlsoWritten, Spec, Text


class TextMatchSpec(Spec):
    """How a text must look; exactly one of these."""

    exact: Text | None = None
    prefix: Text | None = None
    suffix: Text | None = None
    contains: Text | None = None
    regex: str | None = Field(None, description="RE2, of the whole text")
    present: bool | None = Field(None, description="false: must be absent")
    invert: bool = Field(False, description="holds when the rest does not")

    @model_validator(mode="after")
    def _one(self) -> TextMatchSpec:
        kinds = self.model_fields_set - {"invert"}
        if len(kinds) != 1:
            names = ", ".join(sorted(name for name in type(self).model_fields if name != "invert"))
            raise ValueError(f"expected one of {names}, got {', '.join(sorted(kinds)) or 'none'}")
        if self.regex is not None:
            _check_regex(self.regex)
        return self

    def meaning(self) -> StringMatch:
        if self.present is not None:
            return StringMatch("present", invert=self.invert == self.present)
        kind = next(iter(self.model_fields_set - {"invert"}))
        return StringMatch(kind, getattr(self, kind), self.invert)


class PathMatchSpec(TextMatchSpec):
    """How a path must look; a bare text is a prefix of whole segments."""

    separated_prefix: str | None = Field(None, description="/v2, /v2/ and /v2/x, but not /v2x")


def _check_regex(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


def _exact(value: Any) -> Any:
    return value if isinstance(value, dict) else {"exact": value}


def _path(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain_prefix = value == "/" or value.endswith("/")
    return {"prefix": value} if plain_prefix else {"separated_prefix": value}


_SHORT = AlsoWritten.of("string", "number", "boolean")
TextMatch = Annotated[TextMatchSpec, BeforeValidator(_exact), _SHORT]
PathMatch = Annotated[PathMatchSpec, BeforeValidator(_path), _SHORT]


class HeadersSpec(Spec):
    """Which requests: those with these header fields."""

    headers: dict[str, TextMatch] = Field({}, description="by name, any case")

    def header_matches(self) -> tuple[tuple[str, StringMatch], ...]:
        return tuple((name.lower(), match.meaning()) for name, match in self.headers.items())


class MatchSpec(HeadersSpec):
    """Which requests: all that is given must hold."""

    path: PathMatch | None = None
    method: TextMatch | None = None
    host: TextMatch | None = None
    scheme: TextMatch | None = None
    query: dict[str, TextMatch] = Field({}, description="parameters, by name")
    ignore_case: bool = Field(False, description="of the path")

    def meaning(self) -> Match:
        return Match(
            path=self.path.meaning() if self.path else None,
            method=self.method.meaning() if self.method else None,
            authority=self.host.meaning() if self.host else None,
            scheme=self.scheme.meaning() if self.scheme else None,
            headers=self.header_matches(),
            query=tuple((name, match.meaning()) for name, match in self.query.items()),
            ignore_case=self.ignore_case,
        )
