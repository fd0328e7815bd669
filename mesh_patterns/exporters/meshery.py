"""Meshery: a design of Istio's objects, with a relationship for each call.

https://github.com/meshery/schemas, constructs/v1beta3/design
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from mesh_patterns.draft import Draft
from mesh_patterns.exporters import istio
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known
from mesh_patterns.importers.calls import CALLS

Document = dict[str, Any]
_SCHEMA = "designs.meshery.io/v1beta3"
_ISTIO = ".istio.io/"
_HEAD = ("apiVersion", "kind")


def documents(draft: Draft, losses: Losses, folder: Path) -> list[Document]:
    """One design. Ids are made of names, so that the same mesh gives the same file."""
    made, known = fit(draft, losses)
    objects = istio.write(made, known, folder, losses)
    name = draft.mesh.name
    outside = {each.service.name for each in known if each.outside}
    components = [_component(each, name, outside) for each in objects]
    document: Document = {
        "id": _id(name), "name": name, "schemaVersion": _SCHEMA, "version": "0.0.1",
        "components": components,
    }  # fmt: skip
    relationships = _relationships(known, name)
    return [document | ({"relationships": relationships} if relationships else {})]


def fit(draft: Draft, losses: Losses) -> tuple[Draft, list[Known]]:
    """What of the draft Istio's objects can say."""
    return istio.fit(draft, losses)


def _component(each: Document, design: str, outside: Collection[str]) -> Document:
    """An object as a component. Whom it calls is drawn, unless others run that: who reads a design
    follows lines from Service to Service.
    """
    model = "istio-base" if _ISTIO in each["apiVersion"] else "kubernetes"
    metadata = dict(each["metadata"])
    annotations = dict(metadata.pop("annotations", {}))
    far = [name for name in annotations.pop(CALLS, "").split(", ") if name in outside]
    if far:
        annotations[CALLS] = ", ".join(far)
    if annotations:
        metadata["annotations"] = annotations
    rest = {key: value for key, value in each.items() if key not in (*_HEAD, "metadata")}
    return {
        "id": _id(design, *_ref(each)),
        "schemaVersion": "components.meshery.io/v1beta1",
        "version": "v1.0.0",
        "displayName": metadata["name"],
        "model": {"name": model},
        "component": {"kind": each["kind"], "version": each["apiVersion"]},
        "configuration": {"metadata": metadata, **rest},
    }


def _ref(each: Document) -> tuple[str, ...]:
    metadata = each["metadata"]
    return (each["kind"], metadata.get("namespace", "default"), metadata["name"])


def _relationships(known: Sequence[Known], design: str) -> list[Document]:
    """From the Service of who calls to that of who is called."""
    names = {each.service.name: each for each in known}
    return [
        _edge(each, names[callee], design)
        for each in known
        if not each.outside
        for callee in each.service.calls
    ]


def _edge(caller: Known, callee: Known, design: str) -> Document:
    ends = [_end(caller, design), _end(callee, design)]
    return {
        "id": _id(design, "calls", caller.service.name, callee.service.name),
        "schemaVersion": "relationships.meshery.io/v1alpha3",
        "version": "v1.0.0",
        "kind": "edge",
        "type": "non-binding",
        "subType": "network",
        "model": {"name": "kubernetes"},
        "selectors": [{"allow": {"from": [ends[0]], "to": [ends[1]]}}],
    }


def _end(known: Known, design: str) -> Document:
    kind = "ServiceEntry" if known.outside else "Service"
    model = "istio-base" if known.outside else "kubernetes"
    return {
        "id": _id(design, kind, known.namespace, known.metadata()["name"]),
        "kind": kind, "model": {"name": model},
    }  # fmt: skip


def _id(*names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(names)))
