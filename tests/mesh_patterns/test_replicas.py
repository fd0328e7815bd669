"""A mesh with another number of replicas."""

from __future__ import annotations

from mesh_patterns.draft import Target
from mesh_patterns.replicas import scaled
from tests.mesh_patterns.conftest import Read


def test_a_version_or_all_of_them_have_so_many(read: Read) -> None:
    mesh = read("mesh: {services: {a: {versions: {v1: {replicas: 2}, v2: }}, b: }}").mesh
    one = scaled(mesh, Target("a", "v2"), 3)
    assert [version.replicas for version in one.services["a"].versions] == [2, 3]
    every = scaled(mesh, Target("a"), 1)
    assert [each.id for each in every.instances()] == ["a-v1", "a-v2", "b"]
