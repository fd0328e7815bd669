"""The door to the disk: a file of checks, read. What is wrong with it is said at its place."""

from __future__ import annotations

from pathlib import Path

from debugger.routing.checks.spec import ChecksSpec
from mesh_yaml import yaml
from mesh_yaml.build import build
from mesh_yaml.place import DocumentError, Place


def read(path: Path) -> ChecksSpec:
    """The checks of one file.

    Raises:
        DocumentError: with all that is wrong, each at its place.
    """
    documents = yaml.read(path)
    if len(documents) != 1:
        place = documents[1].place if len(documents) > 1 else Place(str(path))
        raise DocumentError.at(place, f"expected one YAML document, got {len(documents)}")
    return build(ChecksSpec, documents[0])
