"""Which of SMP's messages a document is, and what it says. A door: it reads files.

The messages carry no name of themselves: the fields decide. Results of 2019 and 2020 are one flat
document ("smps/v1") with client, environment and latencies in it; they are read as what they would
be today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mesh_yaml import yaml
from mesh_yaml.build import build
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mini_mesh.smp import messages as smp
from mini_mesh.smp.spelling import Message, spellings

# Fields that only one of the messages has; the first that is found decides.
_OF: Mapping[str, type[Message]] = {
    "latencies_ms": smp.PerformanceTestResult,
    "actual_qps": smp.PerformanceTestResult,
    "test_id": smp.PerformanceTestResult,
    "clients": smp.PerformanceTestConfig,
    "duration": smp.PerformanceTestConfig,
    "mesh_control_plane": smp.ServiceMeshConfig,
    "sidecar": smp.ServiceMeshConfig,
    "ingress_gateway": smp.ServiceMeshConfig,
    "mesh_build": smp.ServiceMeshConfig,
    "proxy_build": smp.ServiceMeshConfig,
    "kubernetes_version": smp.EnvironmentConfig,
    "nodes": smp.EnvironmentConfig,
    "individual_workloads": smp.EnvironmentConfig,
}


def message_of(node: Node) -> type[Message] | None:
    """The message that a document is, if it is one."""
    if not isinstance(node.value, dict) or not node.value:
        return None
    for field, message in _OF.items():
        if any(node.get(name) for name in spellings(field)):
            return message
    return None


def is_flat(node: Node) -> bool:
    """Whether a document is a result of before the messages."""
    client = node.get("client")
    return (
        client is not None and isinstance(client.value, dict) and node.get("start_time") is not None
    )


def is_smp(node: Node) -> bool:
    """Whether it is anything of SMP; our own files, and Kubernetes' objects, are not."""
    own = ("mesh", "patterns", "apiVersion", "kind", "use")
    return not any(node.get(name) for name in own) and (
        is_flat(node) or message_of(node) is not None
    )


def read(path: Path) -> list[Message]:
    """All documents of a file. Raises ``DocumentError`` for what is not SMP's."""
    return [each for node in yaml.read(path) for each in told(node)]


def told(node: Node) -> Sequence[Message]:
    """What a document says. Raises ``DocumentError``."""
    if is_flat(node):
        return _flat(node)
    message = message_of(node)
    if message is None:
        raise DocumentError.at(node.place, "no message of SMP: it has none of their fields")
    return (build(message, node),)


def _flat(node: Node) -> Sequence[Message]:
    """As smps.yaml of the spec's repository has it: with what was measured inside of its client."""
    client = node.get("client") or node
    rps, latencies = client.get("rps"), client.get("latencies_ms")
    result = _with(
        node,
        start_time=node.get("start_time"),
        end_time=node.get("end_time"),
        latencies_ms=latencies,
        actual_qps=rps,
        details_uri=node.get("details_uri"),
        test_id=node.get("exp_uuid"),
        labels=node.get("labels"),
    )
    sent = _with(
        client,
        internal=client.get("internal"),
        connections=client.get("connections"),
        endpoint_urls=node.get("endpoint_url"),
    )
    config = _with(node, id=node.get("exp_uuid"), clients=Node((sent,), client.place))
    return (build(smp.PerformanceTestResult, result), build(smp.PerformanceTestConfig, config))


def _with(at: Node, **fields: Node | None) -> Node:
    return Node({name: node for name, node in fields.items() if node is not None}, at.place)
