"""Istio: Kubernetes' objects, and policy as Istio has it. Field names are those of
https://istio.io/latest/docs/reference/config/.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mesh_patterns.draft import Draft
from mesh_patterns.exporters import fitting, kubernetes, services
from mesh_patterns.exporters.istio import (
    authorizations,
    destination_rules,
    edges,
    extensions,
    gateways,
    peers,
    service_entries,
    virtual_services,
)
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known

Document = dict[str, Any]


def documents(draft: Draft, losses: Losses, folder: Path) -> list[Document]:
    """The mesh's services and all policy that Istio has words for."""
    return write(*fit(draft, losses), folder, losses)


def fit(draft: Draft, losses: Losses) -> tuple[Draft, list[Known]]:
    """What of the draft Istio can say."""
    mesh, known = services.fitted(draft, losses, ingress=True, outside=True)
    made = Draft.of(mesh)
    for each in known:
        edges.fit(draft, made, each, losses)
    fitting.tell_gone(draft, made, losses)
    fitting.keep_parts(made, known)
    peers.fit(draft, made)
    authorizations.fit(draft, made, known, losses)
    extensions.fit(draft, made, losses)
    fitting.tell_rest(draft, losses)
    return made, known


def write(draft: Draft, known: Sequence[Known], folder: Path, losses: Losses) -> list[Document]:
    """A fitted draft, all of it."""
    found = kubernetes.of_services(known, folder, losses, accounts=peers.are_known(draft))
    found += service_entries.written(known)
    found += gateways.written(draft, known)
    found += virtual_services.written(draft, known)
    found += destination_rules.written(draft, known)
    found += peers.written(draft, known)
    found += authorizations.written(draft, known)
    found += extensions.written(draft, known)
    return found
