"""Rate limits that each Envoy keeps for itself, as Envoy's filter has them.

Without ``filter_enabled`` and ``filter_enforced`` the filter does nothing: both are always there.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter
"""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.compile.descriptors import actions, of_match
from mesh_patterns.compile.values import fractional, token_bucket
from mesh_patterns.limits import LocalRateLimit
from xds_server.protos import core, envoy_type, route
from xds_server.protos import local_rate_limit as messages
from xds_server.protos import rate_limit_common as common

OVERRIDE = "override"  # the key of the entry that says which override a request has
_RFC = common.XRateLimitHeadersRfcVersion


def message(meaning: LocalRateLimit) -> messages.LocalRateLimit:
    """The filter's configuration; its counters are ``meshloom.http_local_rate_limit.…``."""
    enforced = 0 if meaning.shadow else 100
    return messages.LocalRateLimit(
        stat_prefix="meshloom",
        status=envoy_type.HttpStatus(code=envoy_type.StatusCode(meaning.status)),
        token_bucket=token_bucket(meaning.bucket),
        filter_enabled=core.RuntimeFractionalPercent(default_value=fractional(100)),
        filter_enforced=core.RuntimeFractionalPercent(default_value=fractional(enforced)),
        descriptors=list(_descriptors(meaning)),
        rate_limits=list(_asked(meaning)),
        always_consume_default_token_bucket=False,  # an override is instead of the limit
        local_rate_limit_per_downstream_connection=meaning.per_connection,
        enable_x_ratelimit_headers=_RFC.DRAFT_VERSION_03 if meaning.headers else _RFC.OFF,
        max_dynamic_descriptors=meaning.max_keys if meaning.keys else None,
    )


def _descriptors(meaning: LocalRateLimit) -> Iterator[common.LocalRateLimitDescriptor]:
    """A bucket for each override, and one for each value of the keys that comes."""
    for i, (_, found) in enumerate(meaning.overrides):
        yield common.LocalRateLimitDescriptor(
            entries=[common.RateLimitDescriptorEntry(key=OVERRIDE, value=str(i))],
            token_bucket=token_bucket(found),
        )
    if meaning.keys:
        yield common.LocalRateLimitDescriptor(
            entries=[common.RateLimitDescriptorEntry(key=each.entry) for each in meaning.keys],
            token_bucket=token_bucket(meaning.bucket),
        )


def _asked(meaning: LocalRateLimit) -> Iterator[route.RateLimit]:
    """What says which of them a request has."""
    for i, (match, _) in enumerate(meaning.overrides):
        value = route.RateLimitActionHeaderValueMatch(
            descriptor_key=OVERRIDE,
            descriptor_value=str(i),
            expect_match=True,
            headers=of_match(match),
        )
        yield route.RateLimit(actions=[route.RateLimitAction(header_value_match=value)])
    if meaning.keys:
        yield route.RateLimit(actions=actions(meaning.keys))
