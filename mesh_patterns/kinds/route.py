"""Routes: which requests go where, looked at in order, the first that matches is taken.

Envoy: the routes of a virtual host. What no rule matches goes to the service as if there were no
rules, unless ``otherwise: not_found``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from mesh_patterns.draft import (
    Draft,
    Edge,
    HeaderEdits,
    Mirror,
    Placed,
    Redirect,
    Respond,
    Rewrite,
    Rule,
    Weighted,
)
from mesh_patterns.kinds.cors import CorsOptions
from mesh_patterns.kinds.fault import FaultOptions
from mesh_patterns.kinds.retries import RetriesOptions
from mesh_patterns.matching import MatchSpec
from mesh_patterns.selector import edges, target
from mesh_patterns.spec import Host, PatternSpec
from mesh_yaml.matching import groups_of
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import AlsoWritten, OneOrMore, Spec, Text
from mesh_yaml.values import Duration, Percent, Port

MAX_RESPOND = 4096  # bytes: RouteConfiguration.max_direct_response_body_size_bytes


class RewriteSpec(Spec):
    """Change where a request says it goes."""

    path: str | None = Field(
        None, min_length=1, description="instead of what the match took of the path"
    )
    regex: str | None = Field(
        None, min_length=1, description="RE2; with 'substitution', on the whole path"
    )
    substitution: str | None = Field(None, description="\\1 is the first group, \\0 all of it")
    host: str | None = None

    @model_validator(mode="after")
    def _together(self) -> RewriteSpec:
        if (self.regex is None) != (self.substitution is None):
            raise ValueError("regex and substitution go together")
        if self.regex is not None and self.path is not None:
            raise ValueError("expected one of path and regex, got both")
        if self.regex is not None:
            self._check_groups(groups_of(self.regex))
        return self

    def _check_groups(self, groups: int) -> None:
        for escaped in re.findall(r"\\(.?)", self.substitution or ""):
            if escaped != "\\" and not (escaped.isdigit() and int(escaped) <= groups):
                message = f"substitution has '\\{escaped}', expected '\\0' to '\\{groups}'"
                raise ValueError(f"{message} or '\\\\'")

    def meaning(self) -> Rewrite:
        regex = (self.regex, self.substitution or "") if self.regex is not None else None
        return Rewrite(self.path, regex, self.host)


class RedirectSpec(Spec):
    """Send the caller elsewhere."""

    status: Literal[301, 302, 303, 307, 308] = 301
    path: str | None = None
    prefix: str | None = Field(None, description="instead of what the match took of the path")
    host: str | None = None
    scheme: str | None = None
    port: Port | None = None

    @model_validator(mode="after")
    def _one(self) -> RedirectSpec:
        if self.path is not None and self.prefix is not None:
            raise ValueError("expected one of path and prefix, got both")
        if not self.model_fields_set - {"status"}:
            raise ValueError("leads to itself; expected a path, prefix, host, scheme or port")
        return self

    def meaning(self) -> Redirect:
        return Redirect(self.status, self.path, self.prefix, self.host, self.scheme, self.port)


class RespondSpec(Spec):
    """Answer at once."""

    status: int = Field(ge=200, le=599)
    body: str = ""

    @model_validator(mode="after")
    def _short(self) -> RespondSpec:
        size = len(self.body.encode())
        if size > MAX_RESPOND:
            raise ValueError(f"has {size} bytes, Envoy takes at most {MAX_RESPOND}")
        return self


class MirrorToSpec(Spec):
    """Copy the requests."""

    to: str
    percent: Percent = 100.0


class EditsSpec(Spec):
    """Fields set, added and removed."""

    set: dict[str, Text] = {}
    add: dict[str, Text] = {}
    remove: list[str] = []


class HeaderEditsSpec(Spec):
    """On the way there and on the way back."""

    request: EditsSpec = EditsSpec()
    response: EditsSpec = EditsSpec()

    def meaning(self) -> HeaderEdits:
        there, back = self.request, self.response
        return HeaderEdits(
            tuple(there.set.items()), tuple(there.add.items()), tuple(there.remove),
            tuple(back.set.items()), tuple(back.add.items()), tuple(back.remove),
        )  # fmt: skip


def _weights(value: Any) -> Any:
    return {value: 100} if isinstance(value, str) else value


def _shape(value: Any) -> str:
    return "any" if isinstance(value, list) else "all"


def _form(value: Any) -> str:
    return "share" if isinstance(value, dict) else "weight"


# Told apart by what it is, so that a mistake in a mapping is no complaint about lists too.
Matches = Annotated[
    Annotated[MatchSpec, Tag("all")] | Annotated[list[MatchSpec], Tag("any")],
    Discriminator(_shape),
]
Weight = Annotated[int, Field(ge=0, le=1_000_000)]


class ShareSpec(Spec):
    """A share of the requests, and what is done to them alone."""

    weight: Weight = 1
    headers: HeaderEditsSpec | None = None


Share = Annotated[
    Annotated[Weight, Tag("weight")] | Annotated[ShareSpec, Tag("share")], Discriminator(_form)
]
Mirrors = OneOrMore[MirrorToSpec]


class RuleSpec(Spec):
    """One rule."""

    match: Matches = Field(MatchSpec(), description="all of a mapping, or any mapping of a list")
    hosts: list[Host] = Field([], description="only under these names")
    to: Annotated[dict[str, Share] | None, BeforeValidator(_weights), AlsoWritten.of("string")] = (
        Field(None, description="a version, service or service/version, or weights of several")
    )
    rewrite: RewriteSpec | None = None
    redirect: RedirectSpec | None = None
    respond: RespondSpec | None = None
    headers: HeaderEditsSpec | None = None
    timeout: Duration | None = None
    retries: RetriesOptions | None = None
    fault: FaultOptions | None = None
    mirror: Mirrors = Field([], description="copies, one or several")
    cors: CorsOptions | None = None
    priority: Literal["high"] | None = Field(
        None, description="high: in a compartment of their own, whose limits 'bulkhead' says"
    )

    @model_validator(mode="after")
    def _one_way(self) -> RuleSpec:
        ways = [name for name in ("to", "redirect", "respond") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"expected one of to, redirect and respond, got {' and '.join(ways)}")
        return self

    def matches(self) -> list[MatchSpec]:
        return self.match if isinstance(self.match, list) else [self.match]


class RouteSpec(PatternSpec):
    """Choose by path, method, headers and query."""

    on: str = Field(description="service, or 'caller -> service'")
    rules: list[RuleSpec] = Field(min_length=1)
    otherwise: Literal["serve", "not_found"] = Field(
        "serve", description="what becomes of a request that no rule matches"
    )


def apply(spec: RouteSpec, draft: Draft) -> None:
    for edge in edges(draft, spec.on, spec.place("on")):
        for index, rule in enumerate(spec.rules):
            edge.rules.extend(_rules(spec, index, rule, edge, draft))
        edge.closed = edge.closed or spec.otherwise == "not_found"


def _rules(spec: RouteSpec, index: int, rule: RuleSpec, edge: Edge, draft: Draft) -> Iterator[Rule]:
    """A rule for each match of the list: Envoy's routes match one thing each."""
    split = _split(spec, index, rule, edge, draft)
    for match in rule.matches() or [MatchSpec()]:
        made = Rule(match.meaning(), spec.place("rules", index), tuple(rule.hosts), split)
        for name, value in _settings(spec, index, rule, edge, draft):
            made.settings[name] = Placed(value, spec.place("rules", index, name))
        yield made


def _split(
    spec: RouteSpec, index: int, rule: RuleSpec, edge: Edge, draft: Draft
) -> tuple[Weighted, ...]:
    if rule.to is None:
        return ()
    shares = {
        name: ShareSpec(weight=share) if isinstance(share, int) else share
        for name, share in rule.to.items()
    }
    if not any(share.weight for share in shares.values()):
        message = "weights add up to 0, expected more than 0"
        raise DocumentError.at(spec.place("rules", index, "to"), message)
    found = []
    for name, share in shares.items():
        place = spec.place("rules", index, "to", name)
        edits = share.headers.meaning() if share.headers else None
        goal = target(draft.mesh, name, place, edge.callee)
        found.append(Weighted(goal, share.weight, place, edits))
    return tuple(found)


def _settings(
    spec: RouteSpec, index: int, rule: RuleSpec, edge: Edge, draft: Draft
) -> Iterator[tuple[str, Any]]:
    """The rule's settings by the names that ``compile/routes.py`` reads."""
    if rule.timeout is not None:
        yield "timeout", rule.timeout
    for name in ("rewrite", "redirect", "headers", "retries", "fault", "cors"):
        option = getattr(rule, name)
        if option is not None:
            yield name, option.meaning()
    if rule.respond:
        yield "respond", Respond(rule.respond.status, rule.respond.body)
    if rule.priority:
        yield "priority", rule.priority
    if rule.mirror:
        yield "mirror", tuple(_mirrors(spec, index, rule, edge, draft))


def _mirrors(
    spec: RouteSpec, index: int, rule: RuleSpec, edge: Edge, draft: Draft
) -> Iterator[Mirror]:
    for number, mirror in enumerate(rule.mirror):
        place = spec.place("rules", index, "mirror", number, "to")
        yield Mirror(target(draft.mesh, mirror.to, place, edge.callee), mirror.percent)
