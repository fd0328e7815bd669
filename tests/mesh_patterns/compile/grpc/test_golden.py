"""A pattern file in, what each gRPC process of the mesh is told out; and what a grpcio says of it.

``pytest --update-golden`` rewrites what is expected.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement, proxyless
from tests.mesh_patterns.compile.grpc.grpcio import client
from tests.mesh_patterns.compile.test_golden import golden
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

DATA = Path(__file__).parents[2] / "data" / "grpc"


@pytest.fixture(name="compiled")
def fixture_compiled(monkeypatch: pytest.MonkeyPatch) -> dict[str, Snapshot]:
    monkeypatch.chdir(DATA)  # so that places are short
    draft = load([Path("in.yaml")])
    nodes = {each.node for each in proxyless(draft.mesh)}
    found = compile_mesh(draft, Placement.imagined(draft.mesh))
    return {node: snapshot for node, snapshot in found.items() if node in nodes}


def test_a_file_becomes_these_resources(compiled: dict[str, Snapshot], update_golden: bool) -> None:
    made = golden(compiled)
    expected = DATA / "out.yaml"
    if update_golden:
        expected.write_text(made, encoding="utf-8")
    assert made == expected.read_text(encoding="utf-8"), "pytest --update-golden rewrites it"


async def test_a_real_grpcio_refuses_nothing_of_it(compiled: dict[str, Snapshot]) -> None:
    """What it connects to is imagined: that is UNAVAILABLE, and says so only after all was read."""
    assert list(compiled) == ["web", "greeter-v1", "greeter-v2"]
    web = compiled["web"]
    names = [name for name in web.resources(ResourceType.LISTENER) if ":" not in name]
    assert names == ["greeter", "hello.test", "ledger"]
    async with client(web) as caller:
        for name in names:
            answer = await caller.ask(name)
            assert "Connection refused" in answer.text, answer
        assert caller.refused == []
