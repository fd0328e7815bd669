"""Matches as people write them, and the :class:`~mesh_patterns.draft.Match` that they mean."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.draft import Match
from mesh_yaml.matching import SHORT, PlainMatchSpec, QueryMatch, StringMatch, TextMatch
from mesh_yaml.spec import Spec
from mesh_yaml.values import Percent


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


def _path(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain_prefix = value == "/" or value.endswith("/")
    return {"prefix": value} if plain_prefix else {"separated_prefix": value}


PathMatch = Annotated[PathMatchSpec, BeforeValidator(_path), SHORT]


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
    percent: Percent | None = Field(
        None, description="of the requests for which the rest holds, by chance"
    )

    def meaning(self) -> Match:
        return Match(
            path=self.path.meaning() if self.path else None,
            method=self.method.meaning() if self.method else None,
            authority=self.host.meaning() if self.host else None,
            scheme=self.scheme.meaning() if self.scheme else None,
            headers=self.header_matches(),
            query=tuple((name, match.meaning()) for name, match in self.query.items()),
            ignore_case=self.ignore_case,
            percent=self.percent,
        )
