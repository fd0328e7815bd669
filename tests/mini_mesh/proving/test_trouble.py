"""What happens on purpose to a real mesh under traffic, and that all is as it was after it."""

from __future__ import annotations

from pathlib import Path

from mini_mesh.proving.prover import prove
from tests.mini_mesh.live import started

MESH = """
mesh:
  services:
    web: {calls: [shop], ingress: true}
    shop: {versions: {v1: , v2: }}
patterns:
- {pattern: mtls, on: '*'}
- {pattern: circuit_breaker, on: web -> shop, max_requests: 2}
expect:
- &load {to: shop, send: 50, rate: 200, concurrency: 5, during: restart control-plane for 300ms,
   status: {200: 100%}}
- {<<: *load, during: push 20, stats: {shop/v1: {listener_manager.listener_modified: 0}}}
- {<<: *load, during: [rotate certificates, rotate certificates]}
- {from: web, to: shop, send: 20, concurrency: 10, headers: {x-meshloom-wait: 0.1},
   peak: {shop: 1..2}, status: {503: '>= 16'}}
- {to: shop, send: 10, with: {patterns: [{pattern: fault, on: shop, abort: {status: 418}}]},
   status: 418}
- {to: shop, send: 10, status: 200}
- {to: shop, send: 20, during: stop shop/v1, status: {503: 5%..95%, 200: 5%..95%}}
- {to: shop, send: 20, status: 200}
- {to: shop, concurrency: 5, during: restart shop for 200ms, status: {503: '> 0', 200: '> 0'}}
- {to: shop, send: 20, status: 200}
- {to: shop, concurrency: 5, during: restart envoy shop/v2, status: {503: '> 0', 200: '> 0'}}
- {to: shop, send: 20, wait: 300ms, status: 200}
"""


async def test_a_mesh_bears_what_a_claim_does_to_it_and_recovers(tmp_path: Path) -> None:
    text = MESH.replace("&load ", "").replace(
        "{<<: *load, ", "{to: shop, send: 50, rate: 200, concurrency: 5, status: {200: 100%}, "
    )
    async with started(tmp_path, text, drain_seconds=1) as live:
        proofs = [proof async for proof in prove(live.mesh)]
    failed = [verdict for proof in proofs for verdict in proof.verdicts if not verdict.holds]
    assert failed == []
    assert len(proofs) == 12


AWAY = """
mesh: {services: {web: {calls: [shop]}, shop: {versions: {v1: , v2: }}}}
expect:
- {to: shop, rate: 100, during: [kill shop/v1, wait 200ms, start shop/v1, wait 100ms],
   status: {503: '> 3', 200: '> 9'}}
- {to: shop, send: 20, rate: 200, headers: {x-meshloom-wait: 0.3}, peak: {shop/v2: '> 3'}}
- {to: shop, send: 10, stop: shop/v1, status: {503: 5, 200: 5}}
- {to: shop, send: 10, status: {503: 40%..60%}, each: 40%..60%, during: push 3 at once}
- {to: shop, send: 10, start: shop/v1, status: 200, each: 4..6}
"""


async def test_what_is_stopped_stays_away_until_it_is_started(tmp_path: Path) -> None:
    async with started(tmp_path, AWAY) as live:
        proofs = [proof async for proof in prove(live.mesh)]
    assert [v for proof in proofs for v in proof.verdicts if not v.holds] == []
    assert len(proofs) == 5
