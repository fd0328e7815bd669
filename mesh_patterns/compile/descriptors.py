"""Descriptors of requests: what rate limits are kept by, as Envoy's actions make them.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#envoy-v3-api-msg-config-route-v3-ratelimit-action
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mesh_patterns.compile.values import flagged, header_matcher
from mesh_patterns.draft import Match
from mesh_patterns.limits import Key
from mesh_yaml.matching import StringMatch
from xds_server.protos import route

_PSEUDO = {"path": ":path", "method": ":method"}


def actions(keys: Iterable[Key]) -> list[route.RateLimitAction]:
    """One for each key. Where a request lacks one of them, it has no descriptor."""
    return [_action(key) for key in keys]


def _action(key: Key) -> route.RateLimitAction:
    if key.kind == "remote_address":
        return route.RateLimitAction(remote_address=route.RateLimitActionRemoteAddress())
    if key.kind == "generic":
        return route.RateLimitAction(
            generic_key=route.RateLimitActionGenericKey(descriptor_value=key.name)
        )
    if key.kind == "query":
        return route.RateLimitAction(
            query_parameters=route.RateLimitActionQueryParameters(
                query_parameter_name=key.name, descriptor_key=key.entry
            )
        )
    return route.RateLimitAction(
        request_headers=route.RateLimitActionRequestHeaders(
            header_name=_PSEUDO.get(key.kind, key.name), descriptor_key=key.entry
        )
    )


def of_match(match: Match) -> list[route.HeaderMatcher]:
    """A match as conditions on header fields, those of Envoy's own names among them."""
    found = [header_matcher(name, each) for name, each in match.headers]
    if match.method is not None:
        found.append(header_matcher(":method", match.method))
    if match.authority is not None:
        found.append(header_matcher(":authority", match.authority))
    if match.path is not None:
        expression = flagged(_path(match.path), match.ignore_case)
        found.append(header_matcher(":path", StringMatch("regex", expression)))
    return found


_QUERY = r"(\?.*)?"  # which the field has, too
_PATHS = {
    "exact": "{}" + _QUERY,
    "prefix": "{}.*",
    "separated_prefix": r"{}([/?].*)?",
    "suffix": r"[^?]*{}" + _QUERY,
    "contains": r"[^?]*{}.*",
}


def _path(match: StringMatch) -> str:
    if match.kind == "regex":
        return f"(?:{match.text}){_QUERY}"
    return _PATHS[match.kind].replace("{}", re.escape(match.text))
