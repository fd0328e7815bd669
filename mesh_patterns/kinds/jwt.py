"""JWT: a request brings a token that an issuer has signed, or is refused with 401.

Envoy: the jwt_authn filter, in front of the workload or at the caller. It says who somebody is;
what he may do is ``authorization``'s to say, which sees the claims of a token that was good.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns import files
from mesh_patterns.access_spec import Names, Paths, Texts
from mesh_patterns.draft import Draft, Target
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.selector import target
from mesh_yaml.matching import StringMatch
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.spec import AlsoWritten, OneOrMore, SomeText, Spec, Text
from mesh_yaml.suggest import suggest
from mesh_yaml.values import Duration

MAX_KEYS = 256 * 1024  # bytes of a key set

Need = Literal["required", "optional", "none"]
# Envoy refuses a URI that is none: RFC 3986, section 3.3
PATH = r"^/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$"


@dataclass(frozen=True, slots=True)
class RemoteKeys:
    """A key set that Envoy fetches from a service of the mesh."""

    service: Target
    path: str
    cache: timedelta
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Whose tokens are believed: ``keys`` is a key set as text, or where to get it. ``headers``
    are those that may hold a token, each with what stands before it.
    """

    name: str
    keys: str | RemoteKeys
    audiences: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    params: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    forward: bool = False
    claim_headers: tuple[tuple[str, str], ...] = ()
    clock_skew: timedelta | None = None
    payload_header: str = ""


@dataclass(frozen=True, slots=True)
class TokenRule:
    """What requests need a token of which issuers; no ``paths``, no ``methods``: all of them."""

    need: Need
    paths: tuple[StringMatch, ...] = ()
    methods: tuple[StringMatch, ...] = ()
    issuers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Jwt:
    """The first of ``rules`` that is about a request decides; the last is about every one."""

    issuers: tuple[TokenIssuer, ...]
    rules: tuple[TokenRule, ...]


class RemoteKeysSpec(Spec):
    """Where a key set is served."""

    service: str = Field(description="of the mesh")
    path: str = Field("/.well-known/jwks.json", pattern=PATH)
    cache: Duration = Field("5m", validate_default=True, description="fetched again after")
    timeout: Duration = Field("1s", validate_default=True, description="of a fetch")


def _prefixed(value: Any) -> Any:
    """``[x-token]`` is a header that holds nothing but a token."""
    names = [value] if isinstance(value, str) else value
    return dict.fromkeys(names, "") if isinstance(names, list) else names


def _keys(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value


class IssuerSpec(Spec):
    """Whose tokens are believed, and how they are known; one of test and the jwks keys."""

    issuer: SomeText = Field(description="the claim 'iss'")
    test: bool = Field(False, description="everybody may sign for it: see 'meshloom token'")
    jwks: Annotated[str | None, BeforeValidator(_keys), AlsoWritten.of("object")] = Field(
        None, description="a JSON Web Key Set"
    )
    jwks_file: str | None = Field(None, description="a file of one, from this file's folder")
    jwks_from: RemoteKeysSpec | None = Field(None, description="a service that has one")
    audiences: Names = Field([], description="a token is for one of these, or is a 403")
    from_headers: Annotated[
        dict[SomeText, Text], BeforeValidator(_prefixed), AlsoWritten.of("string", "array")
    ] = Field({}, description="by name, what stands before the token; Authorization if absent")
    from_params: Names = Field([], description="of the query")
    from_cookies: Names = []
    forward: bool = Field(False, description="the workload gets the token, too")
    claim_headers: dict[SomeText, SomeText] = Field(
        {}, description="header: claim; the workload gets the claim, never what a client says"
    )
    payload_header: str = Field("", description="a header that has the claims, as base64url")
    clock_skew: Duration | None = Field(None, description="how far clocks may differ; 60s")

    @model_validator(mode="after")
    def _one(self) -> IssuerSpec:
        given = [self.test or None, self.jwks, self.jwks_file, self.jwks_from]
        if sum(each is not None for each in given) != 1:
            raise ValueError("expected one of test, jwks, jwks_file and jwks_from")
        return self


class TokenRuleSpec(Spec):
    """What some requests need."""

    paths: Paths = Field([], description="of the requests; all if absent")
    methods: Texts = []
    issuers: Names = Field([], description="whose tokens will do; any of the pattern's if absent")
    token: Need = Field("required", description="optional: a bad one is refused, none is fine")


Issuers = OneOrMore[IssuerSpec]
Rules = OneOrMore[TokenRuleSpec]


class JwtSpec(HttpFilterSpec):
    """Let requests through that bring a good token."""

    issuers: Issuers = Field(min_length=1)
    rules: Rules = Field([], description="the first decides; what none is about needs a token")


def apply(spec: JwtSpec, draft: Draft) -> None:
    names = [each.issuer for each in spec.issuers]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise DocumentError.at(spec.place("issuers", i, "issuer"), f"{name!r} is there twice")
    issuers = tuple(_issuer(spec, i, draft) for i in range(len(names)))
    rules = [_rule(spec, i, names) for i in range(len(spec.rules))]
    meaning = Jwt(issuers, (*rules, TokenRule("required")))
    calls = {each.keys.service for each in issuers if isinstance(each.keys, RemoteKeys)}
    http_filter.add(spec, draft, "", meaning, calls=tuple(sorted(calls, key=str)))


def _issuer(spec: JwtSpec, at: int, draft: Draft) -> TokenIssuer:
    issuer = spec.issuers[at]
    return TokenIssuer(
        name=issuer.issuer,
        keys=_keys_of(spec, at, draft),
        audiences=tuple(issuer.audiences),
        headers=tuple(issuer.from_headers.items()),
        params=tuple(issuer.from_params),
        cookies=tuple(issuer.from_cookies),
        forward=issuer.forward,
        claim_headers=tuple(issuer.claim_headers.items()),
        clock_skew=issuer.clock_skew,
        payload_header=issuer.payload_header,
    )


def _keys_of(spec: JwtSpec, at: int, draft: Draft) -> str | RemoteKeys:
    issuer = spec.issuers[at]
    if issuer.jwks_from:
        remote, place = issuer.jwks_from, spec.place("issuers", at, "jwks_from", "service")
        service = target(draft.mesh, remote.service, place)
        return RemoteKeys(service, remote.path, remote.cache, remote.timeout)
    if issuer.test:
        from mesh_patterns import tokens  # with a library that few meshes need

        return json.dumps(tokens.known_key(issuer.issuer).public_keys())
    if issuer.jwks is not None:
        return _checked(issuer.jwks, spec.place("issuers", at, "jwks"))
    place = spec.place("issuers", at, "jwks_file")
    file = files.beside(place, issuer.jwks_file or "")
    draft.files.append(file)
    return _checked(files.read_text(file, place, MAX_KEYS), place)


def _checked(text: str, place: Place) -> str:
    """A key set of public keys."""
    found = _key_set(text)
    if not found:
        raise DocumentError.at(place, 'is no JSON Web Key Set: expected {"keys": [{...}, ...]}')
    if any(key.keys() & {"d", "k"} for key in found):
        raise DocumentError.at(place, "has a secret key in it; a key set holds public keys only")
    return text


def _key_set(text: str) -> list[Mapping[str, Any]] | None:
    """Its keys; ``None`` where it is none."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    keys = read.get("keys") if isinstance(read, dict) else None
    fine = isinstance(keys, list) and all(isinstance(key, dict) for key in keys)
    return keys if fine else None


def _rule(spec: JwtSpec, at: int, names: list[str]) -> TokenRule:
    rule = spec.rules[at]
    for i, name in enumerate(rule.issuers):
        if name not in names:
            message = f"no issuer {name!r} in this pattern{suggest(name, names)}"
            raise DocumentError.at(spec.place("rules", at, "issuers", i), message)
    return TokenRule(
        need=rule.token,
        paths=tuple(each.meaning() for each in rule.paths),
        methods=tuple(each.meaning() for each in rule.methods),
        issuers=tuple(rule.issuers),
    )
