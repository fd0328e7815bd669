"""A check request of Envoy's as what is asked: bytes in, a noun out.

Source: Envoy, ``envoy.service.auth.v3.CheckRequest`` and ``AttributeContext``.
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.ext_authz.decision import Asked
from mesh_patterns.ext_authz.rules import POLICY
from mini_mesh.beside.unary import Refused
from xds_server.errors import WireError
from xds_server.mirror import parse
from xds_server.protos import auth_service as messages

CLAIMS = "envoy.filters.http.jwt_authn"  # whose metadata has a token's claims, under ``payload``
INVALID_ARGUMENT = 3  # gRPC's status
MAX_DEPTH = 32  # of claims in claims


def read(message: bytes) -> tuple[str, Asked]:
    """The name of the policy that is asked for, and the request. Raises Refused."""
    try:
        request = parse(messages.CheckRequest, message)
    except WireError as error:
        raise Refused(INVALID_ARGUMENT, str(error)) from error
    about = request.attributes
    http = about.request.http
    asked = Asked(
        method=http.method,
        path=http.path,
        host=http.host,
        headers=dict(http.headers),
        principal=about.source.principal,
        address=about.source.address.socket_address.address,
        body=http.raw_body or http.body.encode(),
        claims=_claims(about.metadata_context.filter_metadata),
        destination=about.destination.principal,
        server_name=about.tls_session.sni,
    )
    return about.context_extensions.get(POLICY, ""), asked


def _claims(metadata: Any) -> dict[str, Any]:
    if CLAIMS not in metadata:
        return {}
    payload = metadata[CLAIMS].fields.get("payload")
    return _struct(payload.struct_value, 0) if payload is not None else {}


def _struct(struct: Any, depth: int) -> dict[str, Any]:
    return {name: _value(value, depth + 1) for name, value in struct.fields.items()}


def _value(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Refused(INVALID_ARGUMENT, f"claims are more than {MAX_DEPTH} deep")
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value, depth)
    if kind == "list_value":
        return [_value(each, depth + 1) for each in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)
