"""App Mesh's API: what ``aws appmesh create-…  --cli-input-json`` takes, and what it answers.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mesh_patterns.importers.app_mesh.world import ROUTER_LABEL
from mesh_patterns.importers.dialects import asked
from mesh_patterns.importers.fields import needed
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import APP_MESH, DEFAULT_NAMESPACE, Gathered, Object
from mesh_yaml.node import Node

# The name that tells what it is; a route has its router's name, too.
_KINDS = {
    "gatewayRouteName": "GatewayRoute", "routeName": "Route",
    "virtualServiceName": "VirtualService", "virtualNodeName": "VirtualNode",
    "virtualRouterName": "VirtualRouter", "virtualGatewayName": "VirtualGateway",
    "meshName": "Mesh",
}  # fmt: skip


def read(
    documents: Sequence[Node], gathered: Gathered, notes: Notes, variables: Mapping[str, Node]
) -> None:
    """Each document as an object, like those of Kubernetes. They have no variables."""
    gathered.objects += notes.each(_object, map(asked, documents))


def _object(document: Node) -> Object:
    key = next(key for key in _KINDS if document.get(key) is not None)
    name = needed(document, key, "a document of App Mesh")
    router = document.get("virtualRouterName")
    return Object(
        family=APP_MESH,
        kind=_KINDS[key],
        name=name.text(),
        namespace=DEFAULT_NAMESPACE,
        place=name.place,
        spec=document.get("spec") or Node(None, document.place),
        labels={ROUTER_LABEL: router.text()} if router is not None and key == "routeName" else {},
    )
