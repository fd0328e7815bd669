"""A push is timed on the real Envoys of a mesh, and leaves it as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from mini_mesh.control import pushes
from tests.mini_mesh.live import started
from xds_server.resource import ResourceType

MESH = """
    mesh:
      services:
        web: {calls: [api]}
        api: {}
"""


async def test_a_change_is_timed_and_taken_back(tmp_path: Path) -> None:
    async with started(tmp_path, MESH) as live:
        control = live.mesh.control
        before = {node: control.snapshot(node) for node in control.nodes}
        kinds = (ResourceType.LISTENER, ResourceType.CLUSTER)
        times = [await pushes.latency(control, kind) for kind in kinds]
        assert all(0 < each < 5000 for each in times)
        for node, was in before.items():
            now = control.snapshot(node)
            assert now is not None
            assert was is not None
            assert all(now.version(kind) == was.version(kind) for kind in kinds)
            assert not control.standing(node, kinds[0])
        assert not control.refused
        assert (await live.ask("web"))[0] == 200


async def test_where_nobody_is_there_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(tmp_path, MESH) as live:
        monkeypatch.setattr(pushes, "_first_of_each", lambda control, kind: {})
        with pytest.raises(pushes.NotTaken, match="nobody"):
            await pushes.latency(live.mesh.control, ResourceType.LISTENER)
