"""Ways to send, each to real Envoys and workloads."""

from __future__ import annotations

from pathlib import Path

from mini_mesh.proving.prover import prove
from tests.mini_mesh.live import started

MESH = """
mesh:
  services:
    web: {calls: [shop, vault], ingress: true, versions: {v1: , v2: }}
    shop: {versions: {v1: , v2: }}
    few: {protocol: tcp}
    cache: {protocol: redis}
    calc: {protocol: thrift}
    vault: {protocol: tls}
    rpc: {protocol: grpc}
patterns:
- {pattern: mtls, on: shop}
- {pattern: session, on: web -> shop}
- {pattern: connection_limit, on: few, connections: 3}
expect:
- {claim: cookies, from: web, to: shop, send: 9, session: true, versions: 1}
- {claim: no cookies, from: web, to: shop, send: 10, versions: 2}
- {claim: all send, from: web, to: shop, send: 10, via: all,
   stats: {web/v1: {cluster.web->shop.upstream_rq_total: 5},
           web/v2: {cluster.web->shop.upstream_rq_total: 5}}}
- {claim: large, to: shop, method: POST, body_size: 1MiB, status: 200,
   body_contains: '"length": 1048576'}
- {claim: socket, to: shop, websocket: true, body: hello, send: 2, status: 101,
   body_contains: ': hello'}
- {claim: limited, to: few, connections: 10, answered: 3,
   stats: {few: {'connection_limit.*.limited_connections': 7}}}
- {claim: one by one, to: few, path: ask, send: 4, answered: 100%, body_contains: 'few: ask'}
- {claim: redis, to: cache, answered: 1, body_contains: cache}
- {claim: thrift, to: calc, answered: 1}
- {claim: tls, from: web, to: vault, answered: 1, response_headers: {tls-version: TLSv1.3,
   tls-certificate-sha256: {regex: '[0-9a-f]{64}'}}}
- {claim: trailers, to: rpc, status: 0, response_trailers: {x-none: {present: false}}}
- {claim: plaintext, to: shop, direct: true, send: 4, answered: 0}
- {claim: mesh, to: shop, direct: true, tls: {certificate: web}, send: 4, status: 200,
   body_contains: /web}
- {claim: nobody, to: shop, direct: true, tls: {}, answered: 0}
"""


async def test_each_way_to_send_is_one(tmp_path: Path) -> None:
    async with started(tmp_path, MESH) as live:
        proofs = [proof async for proof in prove(live.mesh)]
    wrong = [(v.claim, v.seen, v.evidence) for p in proofs for v in p.verdicts if not v.holds]
    assert wrong == []
    assert len(proofs) == 14
    assert proofs[5].verdicts[0].seen == "3 of 10"
