"""Small messages that several resources are made of."""

from __future__ import annotations

import functools
import re
from typing import Any

from mesh_patterns.limits import Bucket
from mesh_yaml.matching import StringMatch
from xds_server import protos
from xds_server.mirror import any_of
from xds_server.protos import core, envoy_type, http_options, matcher, route

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@functools.cache
def ads() -> core.ConfigSource:
    """Where everything dynamic comes from: the one aggregated stream. Made once, for all."""
    return core.ConfigSource(
        ads=core.AggregatedConfigSource(), resource_api_version=core.ApiVersion.V3
    )


def fractional(percent: float) -> envoy_type.FractionalPercent:
    """A percentage to a ten-thousandth; Envoy counts in fixed fractions."""
    kinds = envoy_type.FractionalPercentDenominatorType
    if percent == int(percent):
        return envoy_type.FractionalPercent(numerator=int(percent), denominator=kinds.HUNDRED)
    return envoy_type.FractionalPercent(
        numerator=round(percent * 10_000), denominator=kinds.MILLION
    )


def token_bucket(bucket: Bucket) -> envoy_type.TokenBucket:
    """A bucket as Envoy has it."""
    return envoy_type.TokenBucket(
        max_tokens=bucket.tokens, tokens_per_fill=bucket.fill, fill_interval=bucket.interval
    )


def by_chance(percent: float) -> core.RuntimeFractionalPercent:
    """A share of the requests, by the number that Envoy draws for each of them.

    Weighted clusters go by the last digits of the same number, so these are the digits before: of a
    hundred, all that are drawn here would go to one of two halves there.
    """
    million = envoy_type.FractionalPercentDenominatorType.MILLION
    share = envoy_type.FractionalPercent(numerator=round(percent * 10_000), denominator=million)
    return core.RuntimeFractionalPercent(default_value=share)


def string_matcher(match: StringMatch) -> matcher.StringMatcher:
    """A match of text; ``present`` is the caller's affair."""
    if match.kind == "regex":
        return matcher.StringMatcher(safe_regex=regex(match.text))
    given: dict[str, Any] = {match.kind: match.text}
    return matcher.StringMatcher(**given)


def regex(text: str) -> matcher.RegexMatcher:
    return matcher.RegexMatcher(regex=text)


def as_regex(match: StringMatch, *, ignore_case: bool = False) -> str:
    """A suffix or a substring as the expression of a whole text."""
    escaped = re.escape(match.text)
    kinds = {"suffix": f".*{escaped}", "contains": f".*{escaped}.*"}
    return flagged(kinds.get(match.kind, match.text), ignore_case)


def flagged(expression: str, ignore_case: bool) -> str:
    """Envoy's ``case_sensitive`` is for plain paths; an expression has to say it itself."""
    return f"(?i){expression}" if ignore_case else expression


def header_matcher(name: str, match: StringMatch) -> route.HeaderMatcher:
    """Since Envoy 1.39 fields of one name are looked at one by one: one that matches is enough.

    An inverted match of a field that is absent holds only if Envoy is told to take it for empty.
    """
    if match.kind == "present":
        return route.HeaderMatcher(name=name, present_match=True, invert_match=match.invert)
    return route.HeaderMatcher(
        name=name,
        string_match=string_matcher(match),
        invert_match=match.invert,
        treat_missing_header_as_empty=match.invert,
    )


def header_options(
    replaced: tuple[tuple[str, str], ...], added: tuple[tuple[str, str], ...]
) -> list[core.HeaderValueOption]:
    """Fields to set and to add. Envoy reads ``%`` as the start of a command, so it is doubled."""
    actions = core.HeaderValueOptionHeaderAppendAction
    pairs = [(field, actions.OVERWRITE_IF_EXISTS_OR_ADD) for field in replaced]
    pairs += [(field, actions.APPEND_IF_EXISTS_OR_ADD) for field in added]
    return [
        core.HeaderValueOption(
            header=core.HeaderValue(key=name, value=value.replace("%", "%%")),
            append_action=action,
            keep_empty_value=True,
        )
        for (name, value), action in pairs
    ]


@functools.cache
def protocol_options(protocol: str) -> dict[str, protos.protobuf.Any]:
    """What a cluster speaks to its hosts: HTTP/2 for gRPC, else HTTP/1.1, Envoy's default."""
    if protocol != "grpc":
        return {}
    http2 = http_options.HttpProtocolOptionsExplicitHttpConfig(
        http2_protocol_options=core.Http2ProtocolOptions()
    )
    return {HTTP_OPTIONS: any_of(http_options.HttpProtocolOptions(explicit_http_config=http2))}
