"""Which requests an ext_authz filter asks about: rules of an RBAC filter in front of it that lets
everything pass and leaves behind, as metadata, whether they hold.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rbac_filter#dynamic-metadata
"""

from __future__ import annotations

from mesh_patterns.compile.filters import authorization
from mesh_patterns.kinds.ext_authz import ExtAuthzScope
from mesh_patterns.policy import Authorization
from xds_server.protos import matcher, rbac_filter

_METADATA = "envoy.filters.http.rbac"
_RESULT = "shadow_engine_result"


def message(meaning: ExtAuthzScope) -> rbac_filter.Rbac:
    """The filter's configuration. Each scope has a name of its own, also among the counters."""
    rules = Authorization("allow", meaning.rules)
    return rbac_filter.Rbac(
        shadow_rules=authorization.policies(rules),
        shadow_rules_stat_prefix=_prefix(meaning.name),
    )


def holds(name: str) -> matcher.MetadataMatcher:
    """How another filter asks whether they hold."""
    return matcher.MetadataMatcher(
        filter=_METADATA,
        path=[matcher.MetadataMatcherPathSegment(key=f"{_prefix(name)}{_RESULT}")],
        value=matcher.ValueMatcher(string_match=matcher.StringMatcher(exact="allowed")),
    )


def _prefix(name: str) -> str:
    return f"scope_{name}_"
