"""External authorization as Envoy's filter has it.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from mesh_patterns.beside import EXT_AUTHZ, cluster
from mesh_patterns.compile.filters import ext_authz_scope
from mesh_patterns.compile.filters.claims import METADATA
from mesh_patterns.ext_authz.rules import POLICY
from mesh_patterns.kinds.ext_authz import ExtAuthz
from xds_server.protos import core, envoy_type, ext_authz, matcher

TIMEOUT = timedelta(milliseconds=200)


def message(meaning: ExtAuthz) -> ext_authz.ExtAuthz:
    """The filter's configuration. Who is asked is told of a token's claims, if any were found."""
    return ext_authz.ExtAuthz(
        transport_api_version=core.ApiVersion.V3,
        failure_mode_allow=meaning.optional,
        status_on_error=_status(meaning.status_on_error),
        with_request_body=_body(meaning),
        allowed_headers=_names(meaning.send),
        metadata_context_namespaces=[METADATA],
        include_tls_session=True,
        validate_mutations=True,
        shadow_mode=meaning.dry_run,
        filter_enabled_metadata=ext_authz_scope.holds(meaning.scope) if meaning.scope else None,
        **_who(meaning),
    )


def on_route(meaning: ExtAuthz) -> ext_authz.ExtAuthzPerRoute:
    """Of several policies, the one that is asked for here."""
    said = {POLICY: meaning.policy} if meaning.policy else {}
    return ext_authz.ExtAuthzPerRoute(
        check_settings=ext_authz.CheckSettings(context_extensions=said)
    )


def off() -> ext_authz.ExtAuthzPerRoute:
    """What a route says about whose requests nobody is asked."""
    return ext_authz.ExtAuthzPerRoute(disabled=True)


def _who(meaning: ExtAuthz) -> dict[str, Any]:
    name = str(meaning.service) if meaning.service else cluster(EXT_AUTHZ)
    timeout = meaning.timeout or TIMEOUT
    if meaning.grpc:
        to = core.GrpcServiceEnvoyGrpc(cluster_name=name)
        return {"grpc_service": core.GrpcService(envoy_grpc=to, timeout=timeout)}
    assert meaning.service is not None
    uri = core.HttpUri(uri=f"http://{meaning.service.service}", cluster=name, timeout=timeout)
    return {
        "http_service": ext_authz.HttpService(
            server_uri=uri,
            path_prefix=meaning.prefix,
            authorization_response=ext_authz.AuthorizationResponse(
                allowed_upstream_headers=_names(meaning.keep)
            ),
        )
    }


def _status(code: int | None) -> envoy_type.HttpStatus | None:
    return None if code is None else envoy_type.HttpStatus(code=envoy_type.StatusCode(code))


def _body(meaning: ExtAuthz) -> ext_authz.BufferSettings | None:
    """As bytes where gRPC carries it: a body need not be text."""
    body = meaning.body
    if body is None:
        return None
    return ext_authz.BufferSettings(
        max_request_bytes=body.bytes,
        allow_partial_message=body.partial,
        pack_as_bytes=meaning.grpc,
    )


def _names(given: Iterable[str]) -> matcher.ListStringMatcher | None:
    patterns = [matcher.StringMatcher(exact=name, ignore_case=True) for name in given]
    return matcher.ListStringMatcher(patterns=patterns) if patterns else None
