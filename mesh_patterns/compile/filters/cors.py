"""CORS as Envoy's filter has it: what holds is a route's to say.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/cors_filter
"""

from __future__ import annotations

from mesh_patterns.compile.values import string_matcher
from mesh_patterns.kinds.cors import Cors
from xds_server.protos import cors


def message(meaning: Cors) -> cors.Cors:
    """Nothing: without a route's policy the filter does nothing."""
    return idle()


def idle() -> cors.Cors:
    return cors.Cors()


def on_route(meaning: Cors) -> cors.CorsPolicy:
    """The policy. Preflights of other origins go on, as Envoy has always done."""
    age = meaning.max_age
    return cors.CorsPolicy(
        allow_origin_string_match=[string_matcher(each) for each in meaning.origins],
        allow_methods=",".join(meaning.methods),
        allow_headers=",".join(meaning.headers),
        expose_headers=",".join(meaning.expose),
        max_age="" if age is None else f"{age.total_seconds():.0f}",
        allow_credentials=meaning.credentials,
    )


of_rule = on_route  # a rule of its own says the same
