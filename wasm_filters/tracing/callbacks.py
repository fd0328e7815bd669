"""Callbacks in words: the names of their arguments, and what their answers mean.

Source: proxy-wasm/spec, abi-versions/v0.2.1/README.md, the section of each callback.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from wasm_filters.abi import (
    CALLBACKS,
    AbiVersion,
    DataAction,
    GrpcStatus,
    HeadersAction,
    PeerType,
    TrailersAction,
)

_HEADERS = ("context", "headers", "end_of_stream")
_BODY = ("context", "size", "end_of_stream")
_TRAILERS = ("context", "trailers")
_CONFIGURATION = ("context", "configuration_size")
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "malloc": ("size",),
    "proxy_on_memory_allocate": ("size",),
    "main": ("argc", "argv"),
    "proxy_on_context_create": ("context", "parent"),
    "proxy_on_vm_start": _CONFIGURATION,
    "proxy_validate_configuration": _CONFIGURATION,
    "proxy_on_configure": _CONFIGURATION,
    "proxy_on_done": ("context",),
    "proxy_on_log": ("context",),
    "proxy_on_delete": ("context",),
    "proxy_on_tick": ("context",),
    "proxy_on_queue_ready": ("context", "queue"),
    "proxy_on_new_connection": ("context",),
    "proxy_on_downstream_data": _BODY,
    "proxy_on_upstream_data": _BODY,
    "proxy_on_downstream_connection_close": ("context", "peer"),
    "proxy_on_upstream_connection_close": ("context", "peer"),
    "proxy_on_request_headers": _HEADERS,
    "proxy_on_request_body": _BODY,
    "proxy_on_request_trailers": _TRAILERS,
    "proxy_on_request_metadata": ("context", "elements"),
    "proxy_on_response_headers": _HEADERS,
    "proxy_on_response_body": _BODY,
    "proxy_on_response_trailers": _TRAILERS,
    "proxy_on_response_metadata": ("context", "elements"),
    "proxy_on_http_call_response": ("context", "call", "headers", "body_size", "trailers"),
    "proxy_on_grpc_receive_initial_metadata": ("context", "call", "headers"),
    "proxy_on_grpc_receive": ("context", "call", "message_size"),
    "proxy_on_grpc_receive_trailing_metadata": ("context", "call", "trailers"),
    "proxy_on_grpc_close": ("context", "call", "status"),
    "envoy_on_resolve_dns": ("context", "token", "answer_size"),
    "envoy_on_stats_update": ("context", "stats_size"),
    "proxy_on_foreign_function": ("context", "function", "arguments_size"),
}
_CHOICES: Mapping[str, type[IntEnum]] = {"peer": PeerType, "status": GrpcStatus}
_ACTIONS: Mapping[str, type[IntEnum]] = {
    "headers": HeadersAction,
    "body": DataAction,
    "trailers": TrailersAction,
    "metadata": TrailersAction,
    "data": TrailersAction,
    "new_connection": TrailersAction,
}
_RETURNS_NOTHING = frozenset(
    name
    for signatures in CALLBACKS.values()
    for name, signature in signatures.items()
    if not signature.results
)
_ACTION_OF: Mapping[str, type[IntEnum]] = {
    name: actions
    for name in CALLBACKS[AbiVersion.V0_2_1]
    for ending, actions in _ACTIONS.items()
    if name.startswith("proxy_on_") and name.endswith(f"_{ending}") and "grpc" not in name
}


_SPECIAL: Mapping[str, tuple[str, ...]] = {
    name: special
    for name, labels in ARGUMENTS.items()
    if (special := tuple(one for one in labels if one == "end_of_stream" or one in _CHOICES))
}


def arguments(name: str, values: tuple[int, ...]) -> dict[str, object]:
    """The arguments of a callback by name; of an unknown one as ``p0``, ``p1``…"""
    names = ARGUMENTS.get(name, ())
    found: dict[str, object] = dict(zip(names, values, strict=False))
    for label in _SPECIAL.get(name, ()):
        if label in found:
            found[label] = _argument(label, values[names.index(label)])
    for at in range(len(names), len(values)):
        found[f"p{at}"] = values[at]
    return found


def choices(label: str) -> type[IntEnum] | None:
    """The names that the values of an argument have, if they have names."""
    return _CHOICES.get(label)


def _argument(label: str, value: int) -> object:
    if label == "end_of_stream":
        return value != 0
    known = _CHOICES.get(label)
    return known(value) if known and value in known._value2member_map_ else value


def answer(name: str, result: int) -> str:
    """What a callback answered, in words: an action, a yes or no, or that it returned."""
    if name in _RETURNS_NOTHING:
        return "return"
    actions = _ACTION_OF.get(name)
    if actions is not None:
        known = result in actions._value2member_map_
        return actions(result).name.lower().replace("_", " ") if known else str(result)
    if name.startswith("proxy_on_") and not name.endswith("_allocate"):
        return "true" if result else "false"
    return "true" if name == "proxy_validate_configuration" and result else str(result)
