"""Authorization: which requests a workload gets to see; the others are a 403.

Envoy: the RBAC filter, in front of the workload, so that nobody gets around it through a proxy of
his own. What ``deny`` names is refused; where there is an ``allow``, so is all that it does not
name. Of several patterns each has to let a request pass.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft, Target
from mesh_patterns.identity import OFF, STRICT, mode, spiffe_id
from mesh_patterns.matching import HeadersSpec, PathMatch
from mesh_patterns.model import CLIENT, INGRESS
from mesh_patterns.policy import ANYBODY, Access, Authorization
from mesh_patterns.selector import inbound, is_edge, service
from mesh_patterns.spec import PatternSpec
from mesh_yaml.matching import TextMatch
from mesh_yaml.place import DocumentError, Place, Problem
from mesh_yaml.spec import ListOrOne, SomeText, Spec, one_or_more


def _starred(value: Any) -> Any:
    """``/pub/*`` and ``*.html`` mean what they mean in Istio; a star elsewhere means nothing."""
    if not isinstance(value, str) or "*" not in value:
        return value
    if value.endswith("*") and "*" not in value[:-1]:
        return {"prefix": value[:-1]} if value != "*" else {"prefix": "/"}
    if value.startswith("*") and "*" not in value[1:]:
        return {"suffix": value[1:]}
    raise ValueError(f"a '*' stands at the end or at the beginning, got {value!r}; use 'regex'")


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(
            f"expected an address or a network such as 10.0.0.0/8, got {value!r}"
        ) from None


_OneOrMore = BeforeValidator(one_or_more)
Texts = Annotated[list[TextMatch], _OneOrMore, ListOrOne()]
Paths = Annotated[list[Annotated[PathMatch, BeforeValidator(_starred)]], _OneOrMore, ListOrOne()]
Networks = Annotated[list[Annotated[str, AfterValidator(_network)]], _OneOrMore, ListOrOne()]
Names = Annotated[list[SomeText], _OneOrMore, ListOrOne()]


class WhoAndWhatSpec(Spec):
    """Lists of what may hold of a request; of each one is enough."""

    from_: Names = Field(
        [],
        alias="from",
        description="calling services, known by mutual TLS; ingress and client too; * is any",
    )
    methods: Texts = []
    paths: Paths = Field([], description="without the query; /pub/* is a prefix")
    hosts: Texts = Field([], description="the Host header, in any case")
    ip_blocks: Networks = Field([], description="the address at the other end of the connection")
    remote_ip_blocks: Networks = Field(
        [], description="the client's address as X-Forwarded-For has it"
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        for name in self.model_fields_set:
            if getattr(self, name) in ([], {}):
                shown = name.rstrip("_")
                raise ValueError(f"{shown} is empty, which is nobody; leave it out for everybody")
        return self


class AccessSpec(WhoAndWhatSpec, HeadersSpec):
    """Which requests: all that is given must hold."""

    not_: WhoAndWhatSpec | None = Field(
        None, alias="not", description="and nothing of what these lists hold"
    )


Rules = Annotated[list[AccessSpec], _OneOrMore, ListOrOne()]


class AuthorizationSpec(PatternSpec):
    """Let requests through to a workload, or not."""

    on: str = Field(description="service, service/version, or '*'")
    allow: Rules | None = Field(None, description="only these get through; none of an empty list")
    deny: Rules = Field([], description="these do not, whatever 'allow' says")
    dry_run: bool = Field(False, description="only count what would be refused")

    @model_validator(mode="after")
    def _something(self) -> AuthorizationSpec:
        if self.allow is None and not self.deny:
            raise ValueError("refuses nothing; expected 'allow' or 'deny'")
        return self


def apply(spec: AuthorizationSpec, draft: Draft) -> None:
    place = spec.place("on")
    if is_edge(spec.on):
        caller, _, callee = (part.strip() for part in spec.on.rpartition("->"))
        message = f"authorization stands before a service: use 'on: {callee}' and 'from: {caller}'"
        raise DocumentError.at(place, message)
    workloads = inbound(draft.mesh, spec.on, place)
    for action in ("deny", "allow"):
        given = getattr(spec, action)
        if given or (action == "allow" and given is not None):
            rules = tuple(_access(spec, action, i, draft, workloads) for i in range(len(given)))
            config = Authorization(action, rules, spec.dry_run)
            draft.add_filter("authorization", action, config, spec.place(action), inbound=workloads)


def _access(
    spec: AuthorizationSpec, action: str, index: int, draft: Draft, workloads: list[Target]
) -> Access:
    rule: AccessSpec = getattr(spec, action)[index]
    lists = _lists(rule, spec, (action, index), draft)
    if rule.from_:
        place = spec.place(action, index, "from")
        _check_known(draft, workloads, place, open_=action == "deny")
    if rule.not_ and rule.not_.from_:
        place = spec.place(action, index, "not", "from")
        _check_known(draft, workloads, place, open_=action == "allow")
    none_of = _lists(rule.not_, spec, (action, index, "not"), draft) if rule.not_ else None
    return replace(lists, headers=rule.header_matches(), none_of=none_of)


def _lists(
    rule: WhoAndWhatSpec, spec: AuthorizationSpec, at: tuple[str | int, ...], draft: Draft
) -> Access:
    place = spec.place(*at, "from")
    return Access(
        principals=tuple(_principal(draft, name, place) for name in rule.from_),
        methods=tuple(match.meaning() for match in rule.methods),
        paths=tuple(match.meaning() for match in rule.paths),
        hosts=tuple(match.meaning() for match in rule.hosts),
        ip_blocks=tuple(rule.ip_blocks),
        remote_ip_blocks=tuple(rule.remote_ip_blocks),
    )


def _check_known(draft: Draft, workloads: list[Target], place: Place, *, open_: bool) -> None:
    """A caller is who its certificate says; without one it is nobody.

    Nobody is no danger to who lets in only whom he names. ``open_`` says that a rule lets in who is
    not named.
    """
    for name in dict.fromkeys(each.service for each in workloads):
        found = mode(draft, name)
        if found == OFF:
            raise DocumentError.at(
                place,
                f"'from' needs certificates of the callers, but mutual TLS of {name!r} is not on; "
                f"add {{pattern: mtls, on: {name}, mode: strict}}",
            )
        if found != STRICT and open_:
            message = (
                f"mutual TLS of {name!r} is {found} at {draft.mtls[name].place}: who comes in "
                "plaintext has no name, and is not kept out by this"
            )
            draft.warnings.append(Problem(place, message, warning=True))


def _principal(draft: Draft, name: str, place: Place) -> str:
    if name == ANYBODY:
        return ANYBODY
    known = name if name in (INGRESS, CLIENT) else service(draft.mesh, name, place)
    return spiffe_id(draft, known)
