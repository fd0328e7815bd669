"""A process of its own sends, and tells what came of it."""

from __future__ import annotations

from mini_mesh.load.load import Load, edge
from mini_mesh.load.process import drive
from tests.mini_mesh.load.serving import OK, serving


async def test_two_processes_send_one_load() -> None:
    async with serving(lambda n: (0.0, OK)) as address:
        load = Load((edge(f"http://{address}/"),), 200.0, 0.5, 4)
        result = await drive(load, 2)
    assert result.whole.statuses == {200: 100}
    assert result.rate == 200.0
