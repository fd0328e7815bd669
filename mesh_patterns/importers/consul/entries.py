"""Consul's config entries, JSON or YAML, as objects: what their Kubernetes resources would be.

https://developer.hashicorp.com/consul/docs/connect/config-entries
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mesh_patterns.importers.consul.spelling import normal, spelled
from mesh_patterns.importers.dialects import consul_kind
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import CONSUL, DEFAULT_NAMESPACE, Gathered, Object
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

KINDS: Mapping[str, str] = {
    "service-router": "ServiceRouter",
    "service-splitter": "ServiceSplitter",
    "service-resolver": "ServiceResolver",
    "service-intentions": "ServiceIntentions",
    "service-defaults": "ServiceDefaults",
    "proxy-defaults": "ProxyDefaults",
    "ingress-gateway": "IngressGateway",
    "terminating-gateway": "TerminatingGateway",
    "mesh": "Mesh",
}
_OTHERS = (  # that there are, and that a mesh on one machine has no use for
    "api-gateway", "bound-api-gateway", "control-plane-request-limit", "exported-services",
    "file-system-certificate", "http-route", "inline-certificate", "jwt-provider",
    "sameness-group", "tcp-route",
)  # fmt: skip
_HEAD = frozenset(
    {"Kind", "kind", "Name", "name", "Meta", "meta", "CreateIndex", "ModifyIndex", "Hash"}
)


def read(
    documents: Sequence[Node], gathered: Gathered, notes: Notes, variables: Mapping[str, Node]
) -> None:
    """Config entries as objects. They have no variables."""
    gathered.objects += notes.each(_object, documents)


def _object(document: Node) -> Object:
    given = consul_kind(document)
    assert given is not None
    kind = KINDS.get(given.text())
    if kind is None and given.text() not in _OTHERS:
        known = (*KINDS, *_OTHERS)
        message = f"unknown kind {given.text()!r}{suggest(given.text(), known)}"
        raise DocumentError.at(given.place, message)
    name = document.get("Name") or document.get("name")
    if (name is None or name.value is None) and kind in ("Mesh", "ProxyDefaults"):
        name = Node("global", given.place)
    if name is None or not name.value:
        raise DocumentError.at(document.place, f"a {given.text()} has no 'Name'")
    rest = {key: item for key, item in document.items() if key not in _HEAD}
    return Object(
        family=CONSUL,
        kind=kind or given.text(),
        name=name.text(),
        namespace=_namespace(rest),
        place=name.place,
        spec=normal(Node(rest, document.place)),
    )


def _namespace(rest: Mapping[str, Node]) -> str:
    found = (node for name, node in rest.items() if spelled(name) == "namespace" and node.value)
    return next((node.text() for node in found), DEFAULT_NAMESPACE)
