"""Reads what Envoy says when it refuses a resource."""

from __future__ import annotations

from collections.abc import Sequence

from xds_server.events import NackRecord
from xds_server.node import NodeInfo
from xds_server.resource import Resource, ResourceType


def read(
    node: NodeInfo, kind: ResourceType, version: str, text: str, sent: Sequence[Resource]
) -> NackRecord:
    return NackRecord(node, kind.type_url, version, text)
