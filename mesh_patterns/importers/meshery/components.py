"""A component of a Meshery pattern, as the Kubernetes objects that it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import (
    DEFAULT_NAMESPACE,
    ISTIO,
    KUBERNETES,
    POLICY,
    WORKLOADS,
    Object,
    texts,
)
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

APPLICATION = "Application"
COMPONENT = "meshery.io/component"  # the label by which an Application's Service finds its workload
USED = WORKLOADS | POLICY[ISTIO] | {"Service", APPLICATION}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_MODELS = {"k8s": KUBERNETES, "kubernetes": KUBERNETES, "istio": ISTIO, "istio-base": ISTIO}
_KNOWN = frozenset(
    {
        "name", "type", "namespace", "version", "model", "apiVersion", "labels", "annotations",
        "id", "isAnnotation", "dependsOn", "settings", "traits",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Component:
    """One of ``services:``, by the key that it has there."""

    key: str
    node: Node
    scope: str

    def text(self, *path: str) -> str:
        """The text at a path, or nothing."""
        found: Node | None = self.node
        for step in path:
            found = found.get(step) if found is not None else None
        return found.text() if found is not None and found.value is not None else ""

    def part(self, *path: str) -> Node:
        """What is at a path, or an empty node."""
        found: Node | None = self.node
        for step in path:
            found = found.get(step) if found is not None else None
        return found or Node(None, self.node.place)

    @property
    def kind(self) -> str:
        return self.text("type").partition(".")[0]

    @property
    def family(self) -> str:
        """By ``model``, by what follows the dot of ``type``, or by the kind alone."""
        model = (self.text("model") or self.text("type").partition(".")[2]).lower()
        if not model:
            ours = self.kind in POLICY[ISTIO]
            theirs = self.kind in WORKLOADS or self.kind == "Service"
            return ISTIO if ours else KUBERNETES if theirs else ""
        return _MODELS.get(model, model)

    @property
    def name(self) -> str:
        """``name``, or the key; a key that a machine made gives way to ``settings.name``."""
        own = self.text("name")
        inner = self.text("settings", "name") if _UUID.fullmatch(self.key) else ""
        return own or inner or self.key

    @property
    def namespace(self) -> str:
        found = self.text("namespace") or self.text("settings", "namespace")
        return found or DEFAULT_NAMESPACE

    def ids(self) -> tuple[str, ...]:
        """All names by which edges may mean it, the surest first."""
        names = (self.key, self.text("traits", "meshmap", "id"), self.text("id"), self.name,
                 self.text("settings", "name"))  # fmt: skip
        return tuple(dict.fromkeys(name for name in names if name))


def objects(component: Component, name: str, notes: Notes) -> Iterator[Object]:
    """The objects that ``component`` stands for, called ``name``.

    Raises:
        DocumentError: it has no type.
    """
    at = component.node.key or component.node.place
    if not component.kind:
        raise DocumentError.at(
            at, f"{component.key!r} has no 'type'; expected one such as Service.K8s"
        )
    notes.leftovers(component.node, _KNOWN, repr(component.key))
    if component.kind == APPLICATION and component.family in ("", "core", KUBERNETES):
        yield from _application(component, name)
        return
    settings = component.part("settings")
    yield _object(component, component.kind, component.family, name, _spec(settings))


def _spec(settings: Node) -> Node:
    """``settings.spec``; or the settings themselves, without the name that strayed in."""
    spec = settings.get("spec")
    if spec is not None or not isinstance(settings.value, dict):
        return spec if spec is not None else settings
    inner = {
        name: item for name, item in settings.value.items() if name not in ("name", "namespace")
    }
    return Node(inner, settings.place, settings.key)


def _object(component: Component, kind: str, family: str, name: str, spec: Node) -> Object:
    return Object(
        family=family,
        kind=kind,
        name=name,
        namespace=component.namespace,
        place=component.node.key or component.node.place,
        spec=spec,
        labels=texts(component.node.get("labels")),
        annotations=dict(component.part("annotations").items()),
        ids=component.ids(),
        parent=component.text("traits", "meshmap", "parent"),
        scope=component.scope,
    )


def _application(component: Component, name: str) -> Iterator[Object]:
    """An OAM Application: a Deployment, and a Service unless it says that it wants none."""
    settings = component.part("settings")
    advanced = component.part("settings", "advanced")
    at = settings.place
    labels = {COMPONENT: Node(name, at), **dict((advanced.get("labels") or Node(None, at)).items())}
    containers = settings.get("containers") or Node((), at)
    pod: dict[str, Any] = {
        "metadata": {"labels": Node(labels, at)}, "spec": {"containers": containers}
    }  # fmt: skip
    replicas = settings.get("replicas") or Node(None, at)
    deployment = Node.of({"template": pod, "replicas": replicas}, at)
    yield _object(component, "Deployment", KUBERNETES, name, deployment)
    wanted = advanced.get("create_service")
    if wanted is None or wanted.value is not False:
        each = (container.get("ports") for container in containers.elements())
        ports: list[Any] = [port for found in each if found for port in found.elements()]
        service = Node.of({"selector": {COMPONENT: name}, "ports": ports}, at)
        yield _object(component, "Service", KUBERNETES, name, service)
