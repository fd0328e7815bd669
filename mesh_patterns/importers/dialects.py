"""Which dialect a document speaks. The importers are imported when one is there: ``conversion``."""

from __future__ import annotations

import re

from mesh_yaml.node import Node

MESHERY = "meshery"
MESHERY_DESIGN = "meshery design"
KUBERNETES = "kubernetes"
CONSUL = "consul"
KUMA = "kuma"
APP_MESH = "app mesh"
_NAMED = (
    "meshName", "virtualNodeName", "virtualServiceName", "virtualRouterName", "virtualGatewayName"
)  # fmt: skip
_ANSWERS = (
    "mesh", "virtualNode", "virtualService", "virtualRouter", "virtualGateway", "route",
    "gatewayRoute",
)  # fmt: skip
ENVOY = "envoy"
_BOOTSTRAP = ("static_resources", "staticResources", "dynamic_resources", "dynamicResources")


def dialect(document: Node) -> str | None:
    """What it is to be read as, or ``None`` for our own language."""
    if document.get("apiVersion") and document.get("kind"):
        return KUBERNETES
    if _is_universal(document):
        return KUMA
    if any(asked(document).get(name) for name in _NAMED):
        return APP_MESH
    if document.get("components") and (
        document.get("schemaVersion") or document.get("relationships")
    ):
        return MESHERY_DESIGN
    if any(document.get(name) for name in _BOOTSTRAP):
        return ENVOY
    if document.get("services") and not document.get("mesh"):
        return MESHERY
    return CONSUL if consul_kind(document) is not None else None


def consul_kind(document: Node) -> Node | None:
    """The kind of a config entry of Consul's, which has no apiVersion beside it."""
    found = document.get("Kind") or document.get("kind")
    named = found is not None and isinstance(found.value, str) and found.value.islower()
    return found if named and not document.get("apiVersion") else None


def _is_universal(document: Node) -> bool:
    """Kuma's own form: ``type`` and ``name``, and a ``mesh`` that is a name."""
    kind, mesh = document.get("type"), document.get("mesh")
    if kind is None or not isinstance(kind.value, str) or document.get("patterns"):
        return False
    named = mesh is not None and isinstance(mesh.value, str)
    return named or (mesh is None and (kind.value.startswith("Mesh") or kind.value == "Dataplane"))


def asked(document: Node) -> Node:
    """App Mesh's requests as they are; of its answers what is in their one key."""
    inner = (document.get(name) for name in _ANSWERS)
    return next((each for each in inner if each is not None and each.get("meshName")), document)


def is_foreign(document: Node) -> bool:
    return dialect(document) is not None


def is_hcl(document: Node) -> bool:
    """Whether it is a config entry of Consul's as HCL, which YAML takes for one long text."""
    text = document.value
    return isinstance(text, str) and bool(re.match(r"(?i)\s*(kind|name)\s*=\s*\"", text))
