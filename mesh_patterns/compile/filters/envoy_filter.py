"""A filter of Envoy's as somebody wrote it out: its message is there already."""

from __future__ import annotations

from mesh_patterns.kinds.envoy_filter import EnvoyFilter
from xds_server.protos import protobuf


def message(meaning: EnvoyFilter) -> protobuf.Any:
    """The filter's own configuration."""
    return protobuf.Any(type_url=meaning.type_url, value=meaning.body)
