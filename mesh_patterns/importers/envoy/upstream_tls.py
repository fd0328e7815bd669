"""TLS to a cluster's hosts, as that of a service that others run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mesh_patterns.importers.envoy.clusters import Cluster
from mesh_patterns.importers.envoy.message import Message, typed
from mesh_patterns.importers.envoy.values import file_of
from mesh_yaml.node import Node

_NAMES = ("match_typed_subject_alt_names", "match_subject_alt_names")


def read(cluster: Cluster) -> None:
    """Give the cluster its ``tls``, if it has such."""
    socket = cluster.message.part("transport_socket")
    old = cluster.message.part("tls_context")
    kind, context = ("UpstreamTlsContext", old) if old is not None else ("", None)
    if socket is not None:
        kind, context = typed(socket)
        socket.ignore("name")
    if context is None or kind in ("", "RawBuffer"):
        return
    if kind != "UpstreamTlsContext":
        context.left_out(f"transport_socket {kind}")
    elif not cluster.addresses:
        context.left_out("TLS to where the echo stands in")
    else:
        cluster.tls = _origination(context, cluster)


def _origination(context: Message, cluster: Cluster) -> dict[str, Any]:
    sni = context.text("sni") or cluster.authority or cluster.addresses[0].host
    made: dict[str, Any] = {"sni": sni}
    common = context.part("common_tls_context")
    validation = common.part("validation_context") if common is not None else None
    if common is not None and validation is None:
        combined = common.part("combined_validation_context")
        validation = combined.part("default_validation_context") if combined else None
    made |= _trust(validation)
    if common is not None:
        common.ignore("alpn_protocols", "tls_params")
        common.rest("common_tls_context.")
    context.ignore("@type", "allow_renegotiation", "max_session_keys")
    context.rest("UpstreamTlsContext.")
    return made


def _trust(validation: Message | None) -> dict[str, Any]:
    """Without authorities Envoy verifies nothing."""
    if validation is None:
        return {"verify": False}
    file = file_of(validation.part("trusted_ca"))
    names = [name for key in _NAMES for name in _exact(validation, key)]
    validation.rest("validation_context.")
    if file is None:
        return {"verify": False}
    if not found(file).is_file():
        text = f"no file {file.text()!r}: this machine's authorities are trusted"
        validation.left_out(text, file)
        return {"names": names} if names else {}
    return {"ca": str(found(file))} | ({"names": names} if names else {})


def _exact(validation: Message, key: str) -> list[Node]:
    made = []
    for each in validation.parts(key):
        matcher = each.part("matcher") or each
        exact = matcher.get("exact")
        if exact is not None:
            made.append(exact)
        else:
            each.left_out(f"{key} that is not exact")
    return made


def found(file: Node) -> Path:
    """A file that an Envoy would look for where it was started: in the folder of its config."""
    return (Path(file.place.file).parent / file.text()).resolve()
