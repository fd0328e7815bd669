"""CORS: which pages of other origins a browser may let read the answers.

Envoy: the CORS filter, in front of the workload or at the caller, which for a browser is the
ingress. It answers preflights by itself, and refuses nothing: browsers do.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_yaml.matching import StringMatch, TextMatch
from mesh_yaml.spec import OneOrMore, SomeText, Spec
from mesh_yaml.values import Duration

Origins = OneOrMore[TextMatch]
Names = OneOrMore[SomeText]
ANY = StringMatch("regex", ".*")


@dataclass(frozen=True, slots=True)
class Cors:
    """What preflights are answered with. No ``methods``, ``headers``: the field is left out."""

    origins: tuple[StringMatch, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    max_age: timedelta | None = None
    credentials: bool = False


class CorsOptions(Spec):
    """What pages of other origins may do; a rule of a ``route`` takes these too."""

    origins: Origins = Field(description="such as https://shop.example; '*' is any", min_length=1)
    methods: Names = Field([], description="that a page may use, besides GET, HEAD and POST")
    headers: Names = Field([], description="that a page may send")
    expose: Names = Field([], description="headers of the answer that a page may read")
    max_age: Duration | None = Field(None, description="how long a browser keeps a preflight")
    credentials: bool = Field(False, description="cookies and the like may come along")

    @model_validator(mode="after")
    def _some_origin(self) -> Self:
        if any(each.present is not None or each.invert for each in self.origins):
            raise ValueError("an origin is a text, or how one looks; got 'present' or 'invert'")
        if self.credentials and any(each.exact == "*" for each in self.origins):
            raise ValueError("with credentials, name the origins: any site could use them")
        return self

    def meaning(self) -> Cors:
        found = (ANY if each.exact == "*" else each.meaning() for each in self.origins)
        return Cors(
            tuple(found), tuple(self.methods), tuple(self.headers), tuple(self.expose),
            self.max_age, self.credentials,
        )  # fmt: skip


class CorsSpec(HttpFilterSpec, CorsOptions):
    """Let pages of other origins read answers."""


def apply(spec: CorsSpec, draft: Draft) -> None:
    http_filter.add(spec, draft, "", spec.meaning())
