"""MeshConfig and ProxyConfig: what holds for the whole mesh, in a ConfigMap, an IstioOperator or
alone. https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object, of_kind
from mesh_yaml.node import Node

_KNOWN = (
    "extensionProviders", "outboundTrafficPolicy", "accessLogFile", "accessLogFormat",
    "accessLogEncoding", "defaultConfig", "enableTracing", "rootNamespace", "trustDomain",
    "enableAutoMtls", "defaultProviders",
)  # fmt: skip
_TOLD = {
    "rootNamespace": "istio-system", "trustDomain": "cluster.local", "enableAutoMtls": True
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeshConfig:
    """What is read of all of them; ``providers`` by name."""

    providers: Mapping[str, Node] = field(default_factory=dict)
    tracing: Node | None = None  # of defaultConfig
    logs: Node | None = None  # what says of access logs, if it asks for them
    egress: Node | None = None  # outboundTrafficPolicy.mode


def read(objects: Sequence[Object], notes: Notes) -> MeshConfig:
    """The mesh's settings; a later document wins. The rest is told."""
    found = MeshConfig()
    for owner, node in _nodes(objects, notes):
        notes.leftovers(node, _KNOWN, owner, "meshConfig.")
        for name, usual in _TOLD.items():
            given = node.get(name)
            if given is not None and given.value not in (None, usual):
                notes.skip(f"meshConfig.{name}", given.key or given.place, owner)
        found = MeshConfig(
            {
                **found.providers,
                **{text(e, "name"): e for e in elements(node, "extensionProviders")},
            },
            _tracing(node, owner, notes) or found.tracing,
            node if text(node, "accessLogFile") else found.logs,
            _mode(node) or found.egress,
        )
    for each in of_kind(objects, "ProxyConfig"):
        notes.leftovers(each.spec, ("selector",), str(each))
    return found


def _nodes(objects: Sequence[Object], notes: Notes) -> Iterator[tuple[str, Node]]:
    for each in of_kind(objects, "MeshConfig"):
        yield str(each), each.spec
    for each in of_kind(objects, "IstioOperator"):
        notes.leftovers(each.spec, ("meshConfig", "profile"), str(each))
        config = each.spec.get("meshConfig")
        if config is not None and config.value:
            yield str(each), config


def _tracing(node: Node, owner: str, notes: Notes) -> Node | None:
    default = node.get("defaultConfig") or Node(None, node.place)
    notes.leftovers(default, ("tracing",), owner, "defaultConfig.")
    return default.get("tracing")


def _mode(node: Node) -> Node | None:
    policy = node.get("outboundTrafficPolicy")
    return policy.get("mode") if policy is not None else None
