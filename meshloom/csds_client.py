"""Asks any control plane that speaks CSDS where its clients stand: ours, istiod, another.

What it tells is brought into the shape of our own status: less is known of it.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from meshloom.control_client import AskError, Target

METHOD = "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus"

_SYNCED, _NOT_SENT, _ERROR = 1, 2, 4  # ConfigStatus
_ACKED, _NACKED = 3, 4  # ClientResourceStatus


def status(target: Target, node: str | None) -> dict[str, Any]:
    """Of one node, or of all. Raises ``AskError``, also where the node is not there."""
    from xds_server import mirror, protos

    request: Any = mirror.mirror_class(protos.status.ClientStatusRequest)()
    request.exclude_resource_contents = True
    if node is not None:
        request.node_matchers.add().node_id.exact = node
    data = target.call(METHOD, request.SerializeToString())
    response = mirror.parse(protos.status.ClientStatusResponse, data)
    nodes = [_node(each) for each in response.config if node in (None, each.node.id)]
    if node is not None and not nodes:
        raise AskError(f"{target.address}: {node}: no such client", "NOT_FOUND")
    return {"version": "", "releases": [], "nodes": sorted(nodes, key=lambda it: str(it["node"]))}


def _node(config: Any) -> dict[str, Any]:
    from xds_server.node import NodeInfo

    agent = config.node.user_agent_name
    types: dict[str, list[Any]] = {}
    for each in config.generic_xds_configs:
        types.setdefault(each.type_url, []).append(each)
    told = [_type(url, found) for url, found in types.items()]
    return {
        "node": config.node.id,
        "kind": NodeInfo(config.node.id, user_agent_name=agent).kind,
        "version": "",
        "connected": True,
        "sent": all(each["sent"] for each in told),
        "accepted": all(each["accepted"] for each in told),
        "in_effect": "unknown",
        "user_agent": agent,
        "types": told,
    }


def _type(type_url: str, found: Iterable[Any]) -> dict[str, Any]:
    resources = list(found)
    refused = [each for each in resources if each.config_status == _ERROR or _is_nacked(each)]
    return {
        "type": type_url.rpartition(".")[2],
        "resources": len(resources),
        "version": max((_time(each), each.version_info) for each in resources)[1],
        "sent": all(each.config_status != _NOT_SENT for each in resources),
        "accepted": all(_is_accepted(each) for each in resources),
        "in_effect": "unknown",
        "warming": [],
        "refused": [
            {"name": each.name, "text": each.error_state.details, "place": None} for each in refused
        ],
    }


def _is_nacked(resource: Any) -> bool:
    return bool(resource.client_status == _NACKED)


def _is_accepted(resource: Any) -> bool:
    """Servers that tell nothing of the client say ``SYNCED`` where it has ACKed."""
    return bool(resource.config_status == _SYNCED and resource.client_status in (0, _ACKED))


def _time(resource: Any) -> tuple[int, int]:
    return resource.last_updated.seconds, resource.last_updated.nanos


def contents(target: Target, node: str) -> dict[str, Any]:
    """One node's resources whole, as ``Contents`` of our own tells them; without any lines.

    Raises ``AskError``, also where the node is not there.
    """
    from xds_server import mirror, protos

    request: Any = mirror.mirror_class(protos.status.ClientStatusRequest)()
    request.node_matchers.add().node_id.exact = node
    data = target.call(METHOD, request.SerializeToString())
    response = mirror.parse(protos.status.ClientStatusResponse, data)
    configs = [each for each in response.config if each.node.id == node]
    if not configs:
        raise AskError(f"{target.address}: {node}: no such client", "NOT_FOUND")
    resources = [_whole(each) for config in configs for each in config.generic_xds_configs]
    return {
        "node": node,
        "kind": _node(configs[0])["kind"],
        "connected": True,
        "version": "",
        "resources": [each for each in resources if each is not None],
        "unserved": [],
    }


def _whole(resource: Any) -> dict[str, Any] | None:
    """None where its content is not told, or of a type that is not known here."""
    from xds_server import mirror

    packed = resource.xds_config
    if mirror.class_of(packed.type_url) is None:
        return None
    version = resource.version_info or "1"
    content = mirror.render(packed.type_url, packed.value)
    return {
        "type": packed.type_url.rpartition(".")[2],
        "name": resource.name,
        "to_be": version,
        "sent": "" if resource.config_status == _NOT_SENT else version,
        "accepted": version if _is_accepted(resource) else "",
        "error": resource.error_state.details,
        "place": None,
        "contents": {version: {"content": content, "origins": {}}},
    }
