"""Matches as people write them, and the :class:`~mesh_patterns.draft.Match` that they mean."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.draft import Match, StringMatch
from mesh_yaml.spec import AlsoWritten, SomeText, Spec, Text


class PlainMatchSpec(Spec):
    """How a text must look; exactly one of these."""

    exact: Text | None = None
    prefix: SomeText | None = None
    suffix: SomeText | None = None
    contains: SomeText | None = None
    regex: str | None = Field(None, min_length=1, description="RE2, of the whole text")

    @model_validator(mode="after")
    def _one(self) -> PlainMatchSpec:
        if len(self._given()) != 1:
            names = ", ".join(sorted(name for name in type(self).model_fields if name != "invert"))
            raise ValueError(f"expected one of {names}, got {', '.join(self._given()) or 'none'}")
        if self.regex is not None:
            groups_of(self.regex)
        return self

    def _given(self) -> list[str]:
        names = sorted(name for name in type(self).model_fields if name != "invert")
        return [name for name in names if getattr(self, name) is not None]

    def meaning(self) -> StringMatch:
        kind = self._given()[0]
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
        return replace(match, invert=match.invert != self.invert)


class PathMatchSpec(PlainMatchSpec):
    """How a path must look; a bare text is a prefix of whole segments."""

    separated_prefix: str | None = Field(None, description="/v2, /v2/ and /v2/x, but not /v2x")

    @model_validator(mode="after")
    def _plain(self) -> PathMatchSpec:
        text = self.exact or self.prefix or self.separated_prefix
        if text is not None and not text.startswith("/"):
            raise ValueError(f"a path begins with '/', got {text!r}")
        if text is not None and re.search("[?#]", text):
            raise ValueError(f"the query is no part of a path: use 'query'; got {text!r}")
        if self.separated_prefix is not None and self.separated_prefix.endswith("/"):
            raise ValueError(f"a separated prefix ends without '/', got {self.separated_prefix!r}")
        return self


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


def _exact(value: Any) -> Any:
    return value if isinstance(value, dict) else {"exact": value}


def _path(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain_prefix = value == "/" or value.endswith("/")
    return {"prefix": value} if plain_prefix else {"separated_prefix": value}


_SHORT = AlsoWritten.of("string", "number", "boolean")
QueryMatch = Annotated[QueryMatchSpec, BeforeValidator(_exact), _SHORT]
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
    query: dict[str, QueryMatch] = Field({}, description="parameters, by name")
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
