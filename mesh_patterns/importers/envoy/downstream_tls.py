"""TLS of a listener, as that of our ingress: by the file's own certificate where it is there."""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.envoy.message import Message, typed
from mesh_patterns.importers.envoy.upstream_tls import found
from mesh_patterns.importers.envoy.values import file_of

Made = dict[str, Any]

_OLDEST = {"TLSV1_2": "1.2", "TLSV1_3": "1.3"}
_EVERYTHING = frozenset({"", "RawBuffer"})


def read(chain: Message) -> Made | None:
    """``tls`` of an ingress; ``None`` where the chain speaks none."""
    socket, old = chain.part("transport_socket"), chain.part("tls_context")
    kind, context = ("", None) if old is None else ("DownstreamTlsContext", old)
    if socket is not None:
        kind, context = typed(socket)
        socket.ignore("name")
    if context is None or kind in _EVERYTHING:
        return None
    if kind != "DownstreamTlsContext":
        context.left_out(f"transport_socket {kind}")
        return None
    common = context.part("common_tls_context") or context.within(context.node)
    made = {"plaintext": "refuse"} | _certificate(common) | _clients(context, common)
    params = common.part("tls_params")
    oldest = params.word("tls_minimum_protocol_version") if params is not None else ""
    if oldest in _OLDEST:
        made["min_version"] = _OLDEST[oldest]
    common.ignore("alpn_protocols")
    common.rest("common_tls_context.")
    context.ignore("@type", "common_tls_context")
    context.rest("DownstreamTlsContext.")
    return made


def _certificate(common: Message) -> Made:
    """A pair of files, or else one of the mesh's own authority."""
    pairs = common.parts("tls_certificates")
    for pair in pairs[1:]:
        pair.left_out("a second certificate of a listener")
    files = [
        file_of(pairs[0].part(name)) if pairs else None
        for name in ("certificate_chain", "private_key")
    ]
    if all(file is not None and found(file).is_file() for file in files):
        cert, key = (str(found(file)) for file in files if file is not None)
        return {"cert": cert, "key": key}
    common.ignore("tls_certificate_sds_secret_configs")
    common.left_out("a certificate that is no file here: one of the mesh's own authority is shown")
    return {}


def _clients(context: Message, common: Message) -> Made:
    validation = common.part("validation_context")
    common.ignore("combined_validation_context", "validation_context_sds_secret_config")
    if not context.flag("require_client_certificate"):
        return {}
    authorities = file_of(validation.part("trusted_ca")) if validation is not None else None
    if validation is not None:
        validation.rest("validation_context.")
    if authorities is not None and found(authorities).is_file():
        return {"mutual": True, "client_ca": str(found(authorities))}
    context.left_out("authorities that are no file here: clients show certificates of the mesh's")
    return {"mutual": True}
