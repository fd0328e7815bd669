"""How many workloads a version of a service has, and a mesh in which that is another number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_patterns.draft import Target
    from mesh_patterns.model import Mesh

MAX_REPLICAS = 64  # of a version: each is a process or two on this machine


def scaled(mesh: Mesh, target: Target, replicas: int) -> Mesh:
    """The mesh with so many replicas of the versions that ``target`` stands for."""
    service = mesh.services[target.service]
    versions = tuple(
        replace(each, replicas=replicas) if target.version in (None, each.name) else each
        for each in service.versions
    )
    services = {**mesh.services, service.name: replace(service, versions=versions)}
    return replace(mesh, services=services)
