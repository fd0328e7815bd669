"""What real Envoys tell of each request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesh_patterns.load import load
from mini_mesh.mesh import MiniMesh
from mini_mesh.options import Options
from mini_mesh.proving.prover import prove
from mini_mesh.proving.witness import Witness
from tap.sources.access_log import HeldLogs, access_logs
from tap.sources.otlp import Receiver, handlers
from tests.mini_mesh.live import needs_envoy

MESH = """
mesh:
  services:
    web: {calls: [shop], ingress: true}
    shop: {versions: {v1: , v2: }}
patterns:
- {pattern: tracing, on: '*'}
- {pattern: fault, on: shop, abort: {status: 503}, when: {headers: {x-bad: {present: true}}}}
expect:
- claim: logged
  send: 20
  headers: {x-bad: 1}
  access_log: {'node == ingress': 20, 'flags == FI': 100%, 'flags == UF': 0,
               'service == shop & direction == inbound & status == 503': 20}
- claim: captured
  send: 3
  headers: {x-user: bob, authorization: Bearer of-a-secret}
  captures: {'service == shop & direction == inbound & header x-user == bob': 3,
             'node == ingress & header authorization ~ of-a-secret': 3, '~bs nobody': 0}
  in_order: [node == ingress, 'node == web & header x-user == bob', service == shop]
- claim: traced
  send: 4
  traces: {count: 4, spans: 8, services: [ingress, web, shop], parents: right}
- {claim: lies, send: 2, access_log: {flags == UO: 2}, traces: {services: [web]}}
"""


@asynccontextmanager
async def witnessed(folder: Path) -> AsyncIterator[tuple[MiniMesh, Witness]]:
    run, file = folder / "run", folder / "mesh.yaml"
    run.mkdir()
    file.write_text(MESH)
    logs, otlp = HeldLogs(), Receiver()
    options = Options(needs_envoy(), run, captures=run / "captures.sock")
    assert options.captures is not None
    mesh = MiniMesh(options, lambda event: None)
    async with access_logs(options.captures, logs.open, handlers(otlp)), mesh:
        await mesh.start(load([file]))
        witness = Witness(mesh)
        async with witness.hub.running():
            logs.pass_on(witness.hub.open_log)
            otlp.take, otlp.reader = witness.hub.told, witness.hub.otlp
            yield mesh, witness


async def test_every_envoy_on_the_way_tells_of_every_request(tmp_path: Path) -> None:
    async with witnessed(tmp_path) as (mesh, witness):
        proofs = [proof async for proof in prove(mesh, witness=witness)]
    verdicts = [verdict for proof in proofs for verdict in proof.verdicts]
    assert [v.claim.split(":")[0] for v in verdicts if not v.holds] == ["lies", "lies"]
    assert len(verdicts) == 14
    assert "FI" not in verdicts[-2].seen
    assert len(verdicts[-2].evidence) == 3
