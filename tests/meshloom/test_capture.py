"""Each source of headers and bodies in a mesh as ``meshloom up`` runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshloom.capture import SOURCES, Name
from meshloom.testing import mesh, tap

MESH = "mesh: {services: {web: {ingress: true}}}\n"


@pytest.mark.parametrize(
    ("capture", "sources"),
    [
        ("streamed", ("tap", "access log")),
        ("ext_proc", ("ext_proc", "access log")),
        ("sockets", ("socket tap", "access log")),
    ],
)
async def test_a_mesh_captures_with_the_source_that_it_was_told(
    tmp_path: Path, capture: Name, sources: tuple[str, ...]
) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(MESH)
    async with mesh(file, capture=capture) as live, tap(live) as captured:
        assert (await live.post("/x", b"hello")).status == 200
        exchange = captured.one("node == ingress")
        assert exchange.sources == sources
        assert exchange.request.body.data == b"hello"
        assert captured.coverage.lost == 0


def test_the_usual_one_is_the_buffered_tap() -> None:
    assert list(SOURCES) == ["buffered", "streamed", "ext_proc", "sockets"]
    assert not SOURCES["buffered"].request().streamed
