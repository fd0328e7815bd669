"""Rate limits that a service keeps, as Envoy's filter asks it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mesh_patterns import beside
from mesh_patterns.compile.descriptors import actions
from mesh_patterns.compile.values import fractional, header_matcher
from mesh_patterns.limits import CHOICE, DEFAULT, GlobalRateLimit
from mesh_yaml.matching import StringMatch
from xds_server.protos import core, envoy_type, rate_limit_config, route
from xds_server.protos import rate_limit as messages

_RFC = messages.RateLimitXRateLimitHeadersRfcVersion


def message(meaning: GlobalRateLimit) -> messages.RateLimit:
    """The filter's configuration; its counters are the cluster's, ``ratelimit.…``."""
    service = core.GrpcServiceEnvoyGrpc(cluster_name=beside.cluster(beside.RATE_LIMIT))
    enforced = 0 if meaning.shadow else 100
    return messages.RateLimit(
        domain=meaning.domain,
        timeout=meaning.timeout,
        failure_mode_deny=meaning.deny,
        rate_limit_service=rate_limit_config.RateLimitServiceConfig(
            grpc_service=core.GrpcService(envoy_grpc=service),
            transport_api_version=core.ApiVersion.V3,
        ),
        rate_limited_status=envoy_type.HttpStatus(code=envoy_type.StatusCode(meaning.status)),
        enable_x_ratelimit_headers=_RFC.DRAFT_VERSION_03 if meaning.headers else _RFC.OFF,
        filter_enforced=core.RuntimeFractionalPercent(default_value=fractional(enforced)),
        rate_limits=[route.RateLimit(actions=each) for each in _descriptors(meaning)],
    )


def _descriptors(meaning: GlobalRateLimit) -> Iterator[list[route.RateLimitAction]]:
    """A request has one of them: each asks for its condition, and that none before it holds."""
    keys = actions(meaning.keys)
    if not meaning.choices:
        yield keys
        return
    before: list[route.HeaderMatcher] = []
    for name, header, match in meaning.choices:
        yield [_chosen(name, [header_matcher(header, match), *before]), *keys]
        before.append(header_matcher(header, _not(match)))
    yield [_chosen(DEFAULT, before), *keys]


def _chosen(name: str, headers: list[route.HeaderMatcher]) -> route.RateLimitAction:
    return route.RateLimitAction(
        header_value_match=route.RateLimitActionHeaderValueMatch(
            descriptor_key=CHOICE, descriptor_value=name, expect_match=True, headers=list(headers)
        )
    )


def _not(match: StringMatch) -> StringMatch:
    return replace(match, invert=True)
