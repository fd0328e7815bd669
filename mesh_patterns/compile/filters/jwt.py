"""Tokens as Envoy's jwt_authn filter has them.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from mesh_patterns.compile.filters.claims import PAYLOAD
from mesh_patterns.compile.routes import route_match
from mesh_patterns.draft import Match
from mesh_patterns.kinds.jwt import Jwt, RemoteKeys, TokenIssuer, TokenRule
from xds_server.protos import core, jwt_authn, protobuf

# claims that hold several words as one text (RFC 8693, section 4.2)
_SPACED = jwt_authn.JwtProviderNormalizePayload(space_delimited_claims=["scope", "permission"])


def message(meaning: Jwt) -> jwt_authn.JwtAuthentication:
    """The filter's configuration. A preflight of CORS can bring no token and needs none."""
    return jwt_authn.JwtAuthentication(
        providers={each.name: _provider(each) for each in meaning.issuers},
        rules=[rule for each in meaning.rules for rule in _rules(each, meaning)],
        bypass_cors_preflight=True,
    )


def _provider(issuer: TokenIssuer) -> jwt_authn.JwtProvider:
    """Every issuer's claims have one place, so whoever looks at them need not know them all."""
    skew = issuer.clock_skew
    return jwt_authn.JwtProvider(
        issuer=issuer.name,
        audiences=list(issuer.audiences),
        from_headers=[
            jwt_authn.JwtHeader(name=name, value_prefix=before) for name, before in issuer.headers
        ],
        from_params=list(issuer.params),
        from_cookies=list(issuer.cookies),
        forward=issuer.forward,
        forward_payload_header=issuer.payload_header,
        claim_to_headers=[
            jwt_authn.JwtClaimToHeader(header_name=header, claim_name=claim)
            for header, claim in issuer.claim_headers
        ],
        clock_skew_seconds=0 if skew is None else max(1, round(skew.total_seconds())),
        payload_in_metadata=PAYLOAD,
        normalize_payload_in_metadata=_SPACED,
        **_keys(issuer.keys),
    )


def _keys(keys: str | RemoteKeys) -> dict[str, Any]:
    if isinstance(keys, str):
        return {"local_jwks": core.DataSource(inline_string=keys)}
    service = str(keys.service)
    uri = core.HttpUri(
        uri=f"http://{keys.service.service}{keys.path}", cluster=service, timeout=keys.timeout
    )
    return {"remote_jwks": jwt_authn.RemoteJwks(http_uri=uri, cache_duration=keys.cache)}


def _rules(rule: TokenRule, meaning: Jwt) -> Iterator[jwt_authn.RequirementRule]:
    """One for each path and method: Envoy's match knows no lists."""
    requires = _requirement(rule, meaning)
    for path, method in product(rule.paths or (None,), rule.methods or (None,)):
        match = route_match(Match(path=path, method=method))
        yield jwt_authn.RequirementRule(match=match, requires=requires)


def _requirement(rule: TokenRule, meaning: Jwt) -> jwt_authn.JwtRequirement | None:
    if rule.need == "none":
        return None
    names = rule.issuers or tuple(each.name for each in meaning.issuers)
    enough = [jwt_authn.JwtRequirement(provider_name=name) for name in names]
    if rule.need == "optional":
        enough.append(jwt_authn.JwtRequirement(allow_missing=protobuf.Empty()))
    if len(enough) == 1:
        return enough[0]
    return jwt_authn.JwtRequirement(
        requires_any=jwt_authn.JwtRequirementOrList(requirements=enough)
    )
