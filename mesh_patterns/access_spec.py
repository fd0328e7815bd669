"""Who may do what: which requests a rule of ``authorization`` or ``ext_authz`` is about."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft
from mesh_patterns.identity import spiffe_id
from mesh_patterns.matching import HeadersSpec, PathMatch
from mesh_patterns.model import CLIENT, INGRESS
from mesh_patterns.policy import ANYBODY, Access, Claim, TokenName
from mesh_patterns.selector import service
from mesh_yaml.matching import StringMatch, TextMatch, TextMatchSpec
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.spec import OneOrMore, SomeText, Spec
from mesh_yaml.values import Port

At = tuple[str | int, ...]  # where something stands below a spec


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


Texts = OneOrMore[TextMatch]
Paths = OneOrMore[Annotated[PathMatch, BeforeValidator(_starred)]]
Networks = OneOrMore[Annotated[str, AfterValidator(_network)]]
Names = OneOrMore[SomeText]
Ports = OneOrMore[Port]
_NESTED = re.compile(r"(\[[^\[\]]+\])+")


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

    principals: Texts = Field(
        [], description="names in callers' certificates as they are: SPIFFE ids, of others too"
    )
    request_principals: Names = Field(
        [], description="issuer/subject of a token that 'jwt' found good; either may be *"
    )
    claims: dict[SomeText, Texts] = Field(
        {}, description="of such a token, by name; [a][b] is b in a; of a list one is enough"
    )
    server_names: Texts = Field([], description="for whom the caller asked in TLS (SNI)")
    ports: Ports = Field([], description="that the workload listens on")

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


def access(rule: AccessSpec, root: Spec, at: At, draft: Draft | None) -> Access:
    """What a rule means that stands at ``at`` below ``root``. Without a ``draft`` there is no mesh,
    and nobody has a name in it.

    ``ports`` are the kind's affair.

    Raises:
        DocumentError: somebody named is not there.
    """
    none_of = _lists(rule.not_, root, (*at, "not"), draft) if rule.not_ else None
    lists = _lists(rule, root, at, draft)
    return replace(lists, headers=rule.header_matches(), none_of=none_of)


def _lists(rule: WhoAndWhatSpec, root: Spec, at: At, draft: Draft | None) -> Access:
    place = root.place(*at, "from")
    return Access(
        principals=tuple(_principal(draft, name, place) for name in rule.from_),
        methods=_meanings(rule.methods),
        paths=tuple(match.meaning() for match in rule.paths),
        hosts=_meanings(rule.hosts),
        ip_blocks=tuple(rule.ip_blocks),
        remote_ip_blocks=tuple(rule.remote_ip_blocks),
        names=_meanings(rule.principals),
        tokens=tuple(map(_token_name, rule.request_principals)),
        claims=tuple((_claim(name), _meanings(found)) for name, found in rule.claims.items()),
        server_names=_meanings(rule.server_names),
    )


def _meanings(given: list[TextMatchSpec]) -> tuple[StringMatch, ...]:
    return tuple(match.meaning() for match in given)


def _principal(draft: Draft | None, name: str, place: Place) -> str:
    if name == ANYBODY:
        return ANYBODY
    if draft is None:
        message = f"no mesh says who {name!r} is; use 'principals'"
        raise DocumentError.at(place, message)
    known = name if name in (INGRESS, CLIENT) else service(draft.mesh, name, place)
    return spiffe_id(draft, known)


def _claim(name: str) -> Claim:
    """``groups``, or ``[realm_access][roles]`` as Istio writes it."""
    return tuple(name[1:-1].split("][")) if _NESTED.fullmatch(name) else (name,)


def _token_name(text: str) -> TokenName:
    """``issuer/subject``. An issuer may have slashes, a subject has none; ``abc*`` is an issuer
    that begins so, ``*abc`` a subject that ends so, ``*`` any token.
    """
    issuer, slash, subject = text.rpartition("/")
    if not slash:
        issuer, subject = ("*", text) if text.startswith("*") else (text, "*")
    return TokenName(_starred_text(issuer), _starred_text(subject))


def _starred_text(text: str) -> StringMatch | None:
    """``None`` is any."""
    if text == "*":
        return None
    if text.endswith("*"):
        return StringMatch("prefix", text[:-1])
    return StringMatch("suffix", text[1:]) if text.startswith("*") else StringMatch("exact", text)
