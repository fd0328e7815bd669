"""Rate limits: how many requests in a time. What is beyond is a 429.

Envoy: the local rate limit filter, a token bucket that each Envoy keeps for itself, or the rate
limit filter, which asks a service that all Envoys share (``scope: global``); meshloom runs that one
beside them. A local limit costs nothing and is of each Envoy; a global one is a round trip for each
request, and counts in windows of the clock, not in buckets.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_features/global_rate_limiting
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from mesh_patterns.beside import RATE_LIMIT
from mesh_patterns.draft import Draft, Match, Placed
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.limits import (
    CHOICE,
    DEFAULT,
    Bucket,
    GlobalRateLimit,
    Key,
    LocalRateLimit,
    Status,
)
from mesh_patterns.matching import MatchSpec
from mesh_patterns.rate_limits.rate import MAX_COUNT, SHORTEST, Rate, RateText
from mesh_patterns.rate_limits.rules import Domain, Limit, Rule
from mesh_patterns.rate_limits.spec import DescriptorSpec, rules
from mesh_yaml.matching import StringMatch
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import OneOrMore, SomeText, Spec
from mesh_yaml.values import Duration

Keys = OneOrMore[SomeText]

_NAMED = frozenset({"header", "query", "generic"})
_KINDS = ("header:NAME", "query:NAME", "path", "method", "remote_address", "generic:VALUE")
_LOCAL = ("limit", "burst", "overrides", "per", "max_keys")
_GLOBAL = ("limits", "descriptors", "domain", "on_failure", "timeout")


class OverrideSpec(Spec):
    """Another limit, for some."""

    when: MatchSpec
    limit: RateText
    burst: int | None = Field(None, ge=1, le=MAX_COUNT)

    @model_validator(mode="after")
    def _room(self) -> OverrideSpec:
        bucket(self.limit, self.burst)
        return self


class RateLimitSpec(HttpFilterSpec):
    """Limit requests in a time."""

    scope: Literal["local", "global"] = Field(
        "local", description="of each Envoy by itself, or of all together"
    )
    key: Keys = Field(
        [],
        description=f"a limit for each value of {', '.join(_KINDS)}; "
        "a request that lacks one is not limited by them",
    )
    status: Status = Field(429, description="of what is beyond")
    headers: bool = Field(False, description="x-ratelimit-limit, -remaining and -reset in answers")
    shadow: bool = Field(False, description="counted, and nobody is refused")

    limit: RateText | None = Field(None, description="local: such as 10/min")
    burst: int | None = Field(
        None, ge=1, le=MAX_COUNT, description="local: at once at most; as in 'limit' if absent"
    )
    overrides: list[OverrideSpec] = Field(
        [],
        description="local: instead, for requests that match; one that matches several needs all",
    )
    per: Literal["process", "connection"] = Field("process", description="local: whose bucket")
    max_keys: int = Field(1000, ge=1, le=100_000, description="local: the most values of 'key'")

    limits: dict[SomeText, RateText] = Field(
        {}, description="global: 'default', and others by 'header=value'"
    )
    descriptors: list[DescriptorSpec] = Field(
        [], description="global, instead of limits: rules as of envoyproxy/ratelimit"
    )
    domain: SomeText | None = Field(
        None, description="global: one for several patterns shares the counters"
    )
    on_failure: Literal["allow", "deny"] = Field(
        "allow", description="global: when the service does not answer"
    )
    timeout: Duration = Field(
        "1s", validate_default=True, description="global: how long it is waited for"
    )

    @model_validator(mode="after")
    def _of_its_scope(self) -> RateLimitSpec:
        foreign = _GLOBAL if self.scope == "local" else _LOCAL
        for name in foreign:
            if name in self.model_fields_set:
                other = "global" if self.scope == "local" else "local"
                raise ValueError(f"{name!r} is for 'scope: {other}'")
        if self.scope == "local" and self.limit is None:
            raise ValueError("expected a limit, such as 10/min")
        if self.limit is not None:
            bucket(self.limit, self.burst)
        if self.scope == "global" and bool(self.limits) == bool(self.descriptors):
            raise ValueError("expected one of limits and descriptors")
        return self

    @model_validator(mode="after")
    def _by_keys(self) -> RateLimitSpec:
        if self.descriptors and not self.key:
            raise ValueError("expected a key: what requests are asked for by, as descriptors nest")
        if self.overrides and self.key:
            raise ValueError("expected one of overrides and key")
        return self


def apply(spec: RateLimitSpec, draft: Draft) -> None:
    keys = tuple(_key(spec, i, text) for i, text in enumerate(spec.key))
    if spec.scope == "local":
        http_filter.add(spec, draft, "", _local(spec, keys), kind="local_rate_limit")
    else:
        _apply_global(spec, draft, keys)


def _key(spec: RateLimitSpec, index: int, text: str) -> Key:
    kind, _, name = text.partition(":")
    known = {each.partition(":")[0] for each in _KINDS}
    if kind not in known or (kind in _NAMED) != bool(name):
        message = f"expected {', '.join(_KINDS)}, got {text!r}"
        raise DocumentError.at(spec.place("key", index), message)
    return Key(kind, name.lower() if kind == "header" else name)


def bucket(rate: Rate, burst: int | None) -> Bucket:
    """That gives as many in a time as ``rate`` says: all at once, at the end of it, if there is no
    ``burst``; else one by one, or as many as come in the shortest time in which Envoy fills it.

    Raises ValueError: ``burst`` has no room for those.
    """
    if burst is None or burst == rate.count:
        return Bucket(rate.count, rate.count, rate.per)
    portion = max(1, math.ceil(SHORTEST / rate.per * rate.count))
    if portion > burst:
        raise ValueError(f"a burst of {burst} has no room for what {rate} brings in 50ms")
    return Bucket(burst, portion, rate.per * (portion / rate.count))


def _local(spec: RateLimitSpec, keys: tuple[Key, ...]) -> LocalRateLimit:
    assert spec.limit is not None
    overrides = [
        (_whole(spec, i), bucket(each.limit, each.burst)) for i, each in enumerate(spec.overrides)
    ]
    return LocalRateLimit(
        bucket(spec.limit, spec.burst),
        tuple(overrides),
        keys,
        spec.max_keys,
        spec.status,
        spec.headers,
        spec.per == "connection",
        spec.shadow,
    )


def _whole(spec: RateLimitSpec, index: int) -> Match:
    """Envoy matches descriptors by headers, among which method, path and host are."""
    match = spec.overrides[index].when.meaning()
    if match.query or match.scheme or not match:
        message = "expected headers, path, method or host"
        raise DocumentError.at(spec.place("overrides", index, "when"), message)
    return match


def _apply_global(spec: RateLimitSpec, draft: Draft, keys: tuple[Key, ...]) -> None:
    choices = tuple((name, *_choice(spec, name)) for name in spec.limits if name != DEFAULT)
    if not keys and not choices:
        keys = (Key("generic", "all"),)
    name = spec.domain or f"{draft.mesh.name}.{len(draft.beside.get(RATE_LIMIT, ()))}"
    found = rules(spec.descriptors, spec.node.find("descriptors"), name) or _rules(
        spec, name, keys, bool(choices)
    )
    _share(spec, draft, Domain(name, found))
    meaning = GlobalRateLimit(
        name,
        keys,
        choices,
        spec.on_failure == "deny",
        spec.timeout,
        spec.status,
        spec.headers,
        spec.shadow,
    )
    http_filter.add(spec, draft, "", meaning, asks=(RATE_LIMIT,))


def _share(spec: RateLimitSpec, draft: Draft, domain: Domain) -> None:
    """One domain has one set of rules, whoever asks."""
    for had in draft.beside.get(RATE_LIMIT, ()):
        if had.value.name == domain.name:
            if had.value.rules != domain.rules:
                message = f"domain {domain.name!r} has other limits at {had.place}"
                raise DocumentError.at(spec.place(), message)
            return
    draft.ask(RATE_LIMIT, Placed(domain, spec.place()))


def _choice(spec: RateLimitSpec, name: str) -> tuple[str, StringMatch]:
    header, equals, value = name.partition("=")
    if not equals or not header.strip() or not value.strip():
        message = f"expected 'default' or 'header=value', got {name!r}"
        raise DocumentError.at(spec.key_place("limits", name), message)
    return header.strip().lower(), StringMatch("exact", value.strip())


def _rules(
    spec: RateLimitSpec, domain: str, keys: tuple[Key, ...], chosen: bool
) -> tuple[Rule, ...]:
    """The tree for these limits: which of them, and below that the keys."""
    made = []
    for name, rate in spec.limits.items():
        path = f"{domain}.{name}"
        limit = Limit(rate.count, _unit(spec, name, rate), path=path)
        if not chosen:
            return _nested(keys, limit)
        below = _nested(keys, limit) if keys else ()
        made.append(Rule(CHOICE, name, None if keys else limit, below))
    return tuple(made)


def _nested(keys: tuple[Key, ...], limit: Limit) -> tuple[Rule, ...]:
    first, *rest = keys
    if not rest:
        return (Rule(first.entry, "", limit),)
    return (Rule(first.entry, "", None, _nested(tuple(rest), limit)),)


def _unit(spec: RateLimitSpec, name: str, rate: Rate) -> str:
    if rate.unit is None:
        message = f"a global limit counts in seconds, minutes, hours or days, got {rate.text!r}"
        raise DocumentError.at(spec.place("limits", name), message)
    return rate.unit
