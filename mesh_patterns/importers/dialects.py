"""Which dialect a document speaks. The importers are imported when one is there: ``conversion``."""

from __future__ import annotations

from mesh_yaml.node import Node

MESHERY = "meshery"
MESHERY_DESIGN = "meshery design"
KUBERNETES = "kubernetes"


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
    return None


def is_foreign(document: Node) -> bool:
    return dialect(document) is not None
