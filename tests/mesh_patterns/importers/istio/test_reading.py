from __future__ import annotations

from mesh_patterns.importers.catalog import Catalog
from mesh_patterns.importers.istio.reading import Reading
from mesh_patterns.importers.istio.source import Source, World
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node
from mesh_yaml.place import Place

HERE = Place("x", 1, 1)


def test_names_in_certificates_want_certificates() -> None:
    notes = Notes()
    world = World(Catalog(notes), notes)
    made = Object("istio", "AuthorizationPolicy", "x", "default", HERE, Node(None, HERE))
    reading = Reading(Source(made, world), "ALLOW")
    assert reading.identified([Node("a", HERE), Node("b", Place("x", 2, 1))]) == ["a", "b"]
    assert world.identified == [HERE]
    reading.never("it is late", Node(None, HERE))
    assert "no request is of: it is late" in notes.finish()[0].message
