"""Bytes become again what they were made of."""

from __future__ import annotations

from mini_mesh.load.load import edge
from mini_mesh.load.others.request import parts


def test_parts_are_those_that_it_was_made_of() -> None:
    made = edge(
        "http://api/a?b", method="POST", headers=[("X-A", "1: 2")], body=b"x", address="h:1"
    )
    told = parts(made)
    assert (told.method, told.url, told.body) == ("POST", "http://h:1/a?b", b"x")
    assert told.headers == (("host", "api"), ("x-a", "1: 2"))
