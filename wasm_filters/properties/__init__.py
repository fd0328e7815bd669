"""Attributes: what a filter can ask of the request, the connection and the proxy around it.

::

    surroundings   what the host says about itself      ─┐
    stream_info    what happened to the request so far   ├─ attributes ── stream ── get_property
    filter_state   what filters left with it            ─┘      │                   expressions
                                                             values
"""

from __future__ import annotations

from wasm_filters.properties.attributes import grpc_status
from wasm_filters.properties.filter_state import FilterState, Prototype
from wasm_filters.properties.names import Resolved
from wasm_filters.properties.stream import RootProperties, StreamProperties
from wasm_filters.properties.stream_info import StreamInfo
from wasm_filters.properties.surroundings import PLAIN, Surroundings, SurroundingsError, Tls

__all__ = [
    "PLAIN",
    "FilterState",
    "Prototype",
    "Resolved",
    "RootProperties",
    "StreamInfo",
    "StreamProperties",
    "Surroundings",
    "SurroundingsError",
    "Tls",
    "grpc_status",
]
