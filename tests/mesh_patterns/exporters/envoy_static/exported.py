"""What tests of static bootstraps share: an export as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mesh_patterns.draft import Draft
from mesh_patterns.exporters.envoy_static import Ports, Static, bootstraps
from mesh_yaml import yaml
from mini_mesh.certificates.issuer import Issuer

ISSUER = Issuer()


def export(draft: Draft, folder: Path | None = None) -> Static:
    """With certificates that are as good as a mesh's."""
    ports = Ports.counted(draft, 20000, folder)
    return bootstraps(draft, ports, ISSUER.identities(draft), folder)


def bootstrap(static: Static, node: str) -> Any:
    """One Envoy's file, read."""
    name = f"{node}.yaml"
    return yaml.parse(static.files[name], name)[0].plain()


def named(value: Any, key: str) -> Iterator[Any]:
    """Every value under such a key, wherever it is."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        if name == key:
            yield item
        if isinstance(item, dict | list):
            yield from named(item, key)
