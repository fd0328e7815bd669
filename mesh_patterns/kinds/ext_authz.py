"""External authorization: somebody is asked about each request, and decides.

Envoy: the ext_authz filter, in front of the workload or at the caller. Who is asked is meshloom
itself, with rules or a function of yours, or a service of the mesh: one that speaks gRPC is asked
by Envoy's own protocol, any other by HTTP, and 200 is a yes.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from mesh_patterns.access_spec import AccessSpec, At, Names, Paths, access
from mesh_patterns.beside import EXT_AUTHZ
from mesh_patterns.draft import Draft, Placed, Target
from mesh_patterns.ext_authz.spec import CheckPolicySpec, policy, source
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.authorization import check_known
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.limits import Status
from mesh_patterns.policy import Access
from mesh_patterns.selector import inbound, is_edge, target
from mesh_yaml.matching import StringMatch
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import OneOrMore, Spec
from mesh_yaml.values import Duration

MAX_BODY = 32 * 1024  # bytes; meshloom's own service takes 64 KiB in all
_OWN = ("rules", "call")


@dataclass(frozen=True, slots=True)
class SentBody:
    """How much of a body is sent along; a longer one is a 413, or cut off if ``partial``."""

    bytes: int
    partial: bool


@dataclass(frozen=True, slots=True)
class ExtAuthz:
    """Who is asked: ``policy`` of meshloom's own, or ``service``, by gRPC or by HTTP below
    ``prefix``. ``send`` and ``keep`` are headers: those that are sent, all if there are none, and
    those of an HTTP answer that the workload gets.
    """

    policy: str = ""
    service: Target | None = None
    grpc: bool = True
    prefix: str = ""
    timeout: timedelta | None = None
    optional: bool = False
    status_on_error: int | None = None
    body: SentBody | None = None
    send: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    dry_run: bool = False
    unless: tuple[StringMatch, ...] = ()
    scope: str = ""


@dataclass(frozen=True, slots=True)
class ExtAuthzScope:
    """A filter before it, which finds out whether a request is one that somebody is asked about."""

    name: str
    rules: tuple[Access, ...]


class BodySpec(Spec):
    """A request's body, as far as it is sent along."""

    max_bytes: int = Field(8192, ge=1, le=MAX_BODY)
    partial: bool = Field(False, description="send the beginning of a longer one; else it is a 413")


Accesses = OneOrMore[AccessSpec]


class ExtAuthzSpec(CheckPolicySpec, HttpFilterSpec):
    """Ask somebody about each request: rules, a function or a service."""

    service: str | None = Field(
        None, description="of the mesh: with 'protocol: grpc' it is asked as Envoy asks, else HTTP"
    )
    prefix: str = Field("", pattern="^(/.*)?$", description="of the path, where HTTP is asked")
    timeout: Duration | None = Field(None, description="of an answer; 200ms if absent")
    on_failure: Literal["deny", "allow"] = Field(
        "deny", description="what happens when nobody answers"
    )
    status_on_error: Status | None = Field(None, description="then; 403 if absent")
    body: BodySpec | None = Field(None, description="sent along; no body if absent")
    send: Names = Field([], description="the headers that are sent; by default all, by HTTP few")
    keep: Names = Field([], description="of an HTTP answer: the workload gets these headers, too")
    unless: Paths = Field([], description="nobody is asked about these; before a service only")
    only: Accesses = Field([], description="somebody is asked about these alone; all if absent")
    dry_run: bool = Field(False, description="ask, and let everything through")

    @model_validator(mode="after")
    def _somebody(self) -> ExtAuthzSpec:
        own = bool(self.rules or self.call)
        if own == (self.service is not None):
            raise ValueError("expected rules or call, or else a service")
        if own and (self.prefix or self.keep):
            raise ValueError("prefix and keep are of a service that is asked by HTTP")
        return self


def apply(spec: ExtAuthzSpec, draft: Draft) -> None:
    if spec.unless and _at_caller(spec):
        message = "'unless' stands before a service only; at a caller, put it on other edges"
        raise DocumentError.at(spec.place("unless"), message)
    service = _service(spec, draft)
    scope = _scope(spec, draft)
    if service is None:
        meaning = _meaning(spec, scope, policy=_ask(spec, draft))
        http_filter.add(spec, draft, "", meaning, asks=(EXT_AUTHZ,))
        return
    grpc = draft.mesh.services[service.service].protocol == "grpc"
    if grpc and (spec.prefix or spec.keep):
        place = spec.place("prefix" if spec.prefix else "keep")
        raise DocumentError.at(place, f"{service.service!r} is asked by gRPC, which has no such")
    meaning = _meaning(spec, scope, service=service, grpc=grpc)
    http_filter.add(spec, draft, service.service, meaning, calls=(service,))


def _service(spec: ExtAuthzSpec, draft: Draft) -> Target | None:
    if spec.service is None:
        return None
    place = spec.place("service")
    found = target(draft.mesh, spec.service, place)
    if not draft.mesh.services[found.service].requests:
        message = f"{found.service!r} takes no requests; nobody can ask it"
        raise DocumentError.at(place, message)
    return found


def _ask(spec: ExtAuthzSpec, draft: Draft) -> str:
    """Have meshloom answer; the name of the policy that it goes by."""
    made = policy(spec, spec, lambda rule, at: _access(rule, at, spec, draft))
    file = source(made.function) if made.function else None
    if file is not None:
        draft.files.append(file)
    draft.ask(EXT_AUTHZ, Placed(made, spec.place()))
    return made.name


def _scope(spec: ExtAuthzSpec, draft: Draft) -> str:
    """Have a filter find out which requests it is about; its name."""
    if not spec.only:
        return ""
    rules = tuple(_access(rule, ("only", i), spec, draft) for i, rule in enumerate(spec.only))
    name = hashlib.sha256(repr(rules).encode()).hexdigest()[:12]
    http_filter.add(spec, draft, "", ExtAuthzScope(name, rules), kind="ext_authz_scope")
    return name


def _access(rule: AccessSpec, at: At, spec: ExtAuthzSpec, draft: Draft) -> Access:
    if rule.ports or (rule.not_ and rule.not_.ports):
        message = "the port is the machine's affair; use 'on: service'"
        raise DocumentError.at(spec.place(*at, "ports"), message)
    found = access(rule, spec, at, draft)
    if rule.from_ or (rule.not_ and rule.not_.from_):
        _check_known(spec, at, draft)
    return found


def _at_caller(spec: ExtAuthzSpec) -> bool:
    return spec.side == "caller" or (is_edge(spec.on) and spec.side is None)


def _check_known(spec: ExtAuthzSpec, at: At, draft: Draft) -> None:
    """Raises DocumentError: nobody who asks has a name."""
    place = spec.place(*at, "from")
    if _at_caller(spec):
        message = (
            "at a caller's Envoy it is always the caller who asks; use 'on: caller -> service'"
        )
        raise DocumentError.at(place, message)
    check_known(draft, inbound(draft.mesh, spec.on, spec.place("on")), place, open_=True)


def _meaning(
    spec: ExtAuthzSpec,
    scope: str,
    policy: str = "",
    service: Target | None = None,
    grpc: bool = True,
) -> ExtAuthz:
    return ExtAuthz(
        policy,
        service,
        grpc,
        spec.prefix,
        spec.timeout,
        spec.on_failure == "allow",
        spec.status_on_error,
        SentBody(spec.body.max_bytes, spec.body.partial) if spec.body else None,
        tuple(name.lower() for name in spec.send),
        tuple(name.lower() for name in spec.keep),
        spec.dry_run,
        tuple(each.meaning() for each in spec.unless),
        scope,
    )
