"""Where a gRPC call goes: the name of a cluster, or a message, envoy.config.core.v3.GrpcService.

Envoy tries the bytes as a message first. Its ``timeout`` and retry policies count for nothing: a
call has the timeout that the plugin gives it.

Source: envoy, source/extensions/common/wasm/context.cc (grpcCall), source/common/grpc
(async_client_manager_impl.cc, async_client_impl.cc); measured in test_grpc_fidelity.py.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from wasm_filters.abi import Status

# what Envoy takes for a format; a command that it does not know is refused there, not here
_FORMAT = re.compile(r"(?:[^%]|%%|%[A-Z0-9_]+(?:\([^)]*\))?(?::\d+)?%)*")


@dataclass(frozen=True, slots=True)
class Target:
    """``name`` is a cluster's, or with ``google`` an address that gRPC's own library dials.

    ``metadata`` are the message's ``initial_metadata``, before the plugin's.
    """

    name: str
    authority: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    google: bool = False


class NoTargetError(ValueError):
    """A message that names no target: Envoy 1.40 ends with ``panic: unset oneof``."""


def target_of(upstream: bytes, clusters: Container[str]) -> Target | Status:
    """What ``upstream`` names; with the name of a cluster, that must be one of ``clusters``.

    PARSE_FAILURE: neither a message nor a cluster. BAD_ARGUMENT: metadata that Envoy refuses.
    NoTargetError: Envoy does not survive it.
    """
    from wasm_filters.messages import SERVICE, MessageError, parse  # protobuf takes 50 ms

    try:
        named = parse(f"{SERVICE}.Target", upstream)
        service = parse(f"{SERVICE}.Grpc", upstream)
    except MessageError:
        name = upstream.decode("utf-8", "replace")
        return Target(name) if name in clusters else Status.PARSE_FAILURE
    kind = named.WhichOneof("kind")
    if kind is None:
        raise NoTargetError(f"{upstream!r} is a GrpcService without a target to Envoy")
    metadata = _metadata([(each.key, each.value) for each in service.initial_metadata])
    if metadata is None:
        return Status.BAD_ARGUMENT
    if kind == "google_grpc":
        return Target(named.google_grpc.target_uri, "", metadata, google=True)
    return Target(named.envoy_grpc.cluster_name, named.envoy_grpc.authority, metadata)


def _metadata(given: list[tuple[str, str]]) -> tuple[tuple[str, str], ...] | None:
    """The last of each name counts, at its place, and none that is empty; a format stays as it is.
    None if Envoy refuses one."""
    made: dict[str, str] = {}
    for key, value in given:
        name = key.lower()
        if name.startswith(":") or name == "host" or not _FORMAT.fullmatch(value):
            return None
        if value:
            made.pop(name, None)
            made[name] = value
    return tuple(made.items())
