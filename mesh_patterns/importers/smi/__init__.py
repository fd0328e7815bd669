"""SMI."""

from __future__ import annotations
from collections.abc import Sequence
from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node


def patterns(objects: Sequence[Object], catalog: Catalog, notes: Notes) -> list[Node]:
    return []
