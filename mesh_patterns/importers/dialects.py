"""Which dialect a document speaks. The importers are imported when one is there: ``conversion``."""

from __future__ import annotations

import re

from mesh_yaml.node import Node

MESHERY = "meshery"
MESHERY_DESIGN = "meshery design"
KUBERNETES = "kubernetes"
CONSUL = "consul"


def dialect(document: Node) -> str | None:
    """What it is to be read as, or ``None`` for our own language."""
    if document.get("apiVersion") and document.get("kind"):
        return KUBERNETES
    if document.get("components") and (
        document.get("schemaVersion") or document.get("relationships")
    ):
        return MESHERY_DESIGN
    if document.get("services") and not document.get("mesh"):
        return MESHERY
    return CONSUL if consul_kind(document) is not None else None


def consul_kind(document: Node) -> Node | None:
    """The kind of a config entry of Consul's, which has no apiVersion beside it."""
    found = document.get("Kind") or document.get("kind")
    named = found is not None and isinstance(found.value, str) and found.value.islower()
    return found if named and not document.get("apiVersion") else None


def is_foreign(document: Node) -> bool:
    return dialect(document) is not None


def is_hcl(document: Node) -> bool:
    """Whether it is a config entry of Consul's as HCL, which YAML takes for one long text."""
    text = document.value
    return isinstance(text, str) and bool(re.match(r"(?i)\s*(kind|name)\s*=\s*\"", text))
