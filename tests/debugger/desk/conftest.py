"""A mesh whose requests can be held: two services behind an ingress, and one of gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from meshloom.testing import LiveMesh, mesh
from tests.mini_mesh.live import needs_envoy

MESH = """
mesh:
  services:
    web: {ingress: true, calls: [api]}
    api: {}
    rpc: {protocol: grpc}
patterns:
  - {pattern: timeout, on: ingress -> web, after: 1s}
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveMesh]:
    needs_envoy()
    file = tmp_path_factory.mktemp("mesh") / "mesh.yaml"
    file.write_text(MESH)
    async with mesh(file) as running:
        yield running
