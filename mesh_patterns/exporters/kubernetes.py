"""Kubernetes: Services, and a Deployment for each version. All policy is lost.

What has no word there is an annotation: the local command, and whom a workload calls.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mesh_patterns.draft import Draft
from mesh_patterns.exporters import fitting, services
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known, object_name
from mesh_patterns.importers.calls import CALLS
from mesh_patterns.importers.kubernetes import PROTOCOL, RUN
from mesh_patterns.model import Version

Document = dict[str, Any]
_PORTS = {"http": 80, "grpc": 80, "tls": 443, "redis": 6379}
_PORT = 9000  # of a protocol that has none of its own
CONTAINER_PORT = 8080


def documents(draft: Draft, losses: Losses, folder: Path) -> list[Document]:
    """The mesh's services."""
    found = fit(draft, losses)[1]
    return of_services(found, folder, losses)


def fit(draft: Draft, losses: Losses) -> tuple[Draft, list[Known]]:
    """What of the mesh Kubernetes can say."""
    mesh, known = services.fitted(draft, losses)
    made = Draft.of(mesh)
    fitting.keep_parts(made, known)
    fitting.tell_edges(draft, losses, known)
    fitting.tell_filters(draft.filters, losses)
    fitting.tell_rest(draft, losses)
    losses.all_lost("mtls", (each.place for each in draft.mtls.values()))
    return made, known


def of_services(
    known: Sequence[Known], folder: Path, losses: Losses, *, accounts: bool = False
) -> list[Document]:
    """A Service and its Deployments for each; with ``accounts``, as whom they run."""
    made: list[Document] = []
    for each in known:
        made += [] if each.outside else _of_service(each, folder, accounts)
    inside = [each for each in known if not each.outside]
    if inside:
        count = sum(len(each.service.versions) for each in inside)
        message = f"images are names alone: put those of the {count} workloads in"
        losses.changed(message, inside[0].service.place)
    return made


def _of_service(each: Known, folder: Path, accounts: bool) -> Iterator[Document]:
    if accounts:
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": each.metadata()}
    for name in (each.name, *each.aliases):
        yield _service(each, name, each.labels())
    for part in each.parts:
        yield from _part(each, part)
    for version in each.service.versions:
        yield _deployment(each, version, folder, accounts)


def _part(each: Known, part: services.Part) -> Iterator[Document]:
    versions = part.versions
    if len(versions) == 1:
        yield _service(each, part.name, each.labels(versions[0]))
        return
    labels = {f"part-of-{part.name}": "true"}
    yield _service(each, part.name, {**each.labels(), **labels})


def _service(each: Known, name: str, selector: dict[str, str]) -> Document:
    protocol = each.service.protocol
    port: Document = {
        "name": protocol, "port": _PORTS.get(protocol, _PORT), "targetPort": CONTAINER_PORT
    }  # fmt: skip
    metadata: Document = {**each.metadata(), "name": name}
    if protocol not in ("http", "grpc"):
        metadata["annotations"] = {PROTOCOL: protocol}
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": {"selector": selector, "ports": [port]},
    }  # fmt: skip


def _deployment(each: Known, version: Version, folder: Path, accounts: bool) -> Document:
    service, labels = each.service, each.labels(version.name)
    in_parts = {
        f"part-of-{part.name}": "true"
        for part in each.parts
        if len(part.versions) > 1 and version.name in part.versions
    }
    annotations = {}
    if version.run is not None:
        annotations[RUN] = command(version, folder)
    if service.calls:
        annotations[CALLS] = ", ".join(service.calls)
    name = f"{each.name}-{version.name}" if version.name else each.name
    metadata: Document = {**each.metadata(name), "labels": labels}
    if annotations:
        metadata["annotations"] = annotations
    container: Document = {
        "name": object_name(each.name),
        "image": f"{object_name(each.name)}:{version.name or 'latest'}",
        "ports": [{"containerPort": CONTAINER_PORT}],
    }
    if version.env:
        container["env"] = [{"name": key, "value": value} for key, value in version.env.items()]
    pod: Document = {"serviceAccountName": each.name} if accounts else {}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {
            **({"replicas": version.replicas} if version.replicas > 1 else {}),
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": {**labels, **in_parts}},
                "spec": {**pod, "containers": [container]},
            },
        },
    }  # fmt: skip


def command(version: Version, folder: Path) -> str:
    """The command, from ``folder``, which is where an import runs it."""
    if version.cwd is None or version.cwd == folder:
        return version.run or ""
    there = shlex.quote(os.path.relpath(version.cwd, folder))
    return f"cd {there} && {version.run}"
