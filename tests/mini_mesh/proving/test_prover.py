"""Claims on the real Envoy: counted where requests arrive, over HTTP and gRPC."""

from __future__ import annotations

import time
from pathlib import Path

from mesh_traffic import Headers
from mini_mesh.proving import counters
from mini_mesh.proving.outgoing import Outgoing
from mini_mesh.proving.prover import Proof, prove
from mini_mesh.proving.traffic import send
from tests.mini_mesh.live import Live, started

MESH = """
mesh:
  services:
    web: {calls: [shop, greeter], ingress: true}
    shop: {versions: {v1: , v2: }}
    copy:
    greeter: {protocol: grpc}
    broken:
    slow:
    filtered:
patterns:
  - {pattern: canary, on: shop, weights: {v1: 75, v2: 25}}
  - {pattern: mirror, on: client -> shop, to: copy}
  - {pattern: fault, on: broken, abort: {status: 503}}
  - {pattern: retries, on: broken, attempts: 3, retry_on: [5xx], backoff: {base: 1ms}}
  - {pattern: fault, on: slow, delay: {fixed: 200ms}, when: {headers: {end-user: jason}}}
  - {pattern: fault, on: greeter, abort: {grpc_status: 7}, when: {headers: {end-user: eve}}}
  - {pattern: wasm, on: filtered, file: "meshloom:header_policy",
     configuration: {response: {set: {x-filter: header_policy}}}}
expect:
  - {path: /page, send: 20, concurrency: 4, status: 200, body_contains: '"service": "shop"'}
  - {from: client, to: shop, send: 400, share: {v1: 240..360, v2: 40..160}, upstream: {copy: 400}}
  - {to: broken, send: 5, status: 503, upstream_ratio: 4x}
  - {to: slow, headers: {end-user: jason}, within: 0.2s..0.7s}
  - {to: slow, headers: {end-user: mary}, within: <= 0.15s}
  - {to: greeter, send: 3, status: 0, body_contains: greeter}
  - {from: web, to: greeter, headers: {end-user: eve}, status: 7}
  - {to: filtered, engines: [wasmtime, envoy], status: 200,
     response_headers: {x-filter: {suffix: policy}}}
  - {claim: lies, to: broken, send: 2, status: 200}
"""


async def test_each_claim_is_judged_by_what_envoys_counted_and_answered(tmp_path: Path) -> None:
    async with started(tmp_path, MESH) as live:
        proofs = [proof async for proof in prove(live.mesh)]
        assert [proof.title for proof in proofs if not proof.holds] == ["lies"]
        page, share, broken, slow, fast, greeter, eve, filtered, lies = map(_seen, proofs)
        assert page == ["20", "20 of 20"]
        assert share[2] == "400"
        assert broken == ["5", "4.00×"]
        assert "0.1" < slow[0] < "0.7"
        assert fast[0] < "0.15"
        assert (greeter, eve) == (["3", "3 of 3"], ["1"])
        assert filtered == ["1", "header_policy", "1", "header_policy"]
        assert lies == ["0 (and 2 × 503)"]
        assert [v.claim.endswith("(wasmtime)") for v in proofs[7].verdicts] == [0, 0, 1, 1]
        assert proofs[-1].verdicts[0].place == f"{live.file}:30:48"
        await _counts_begin_where_the_last_claim_ended(live)
        await _a_request_without_an_answer_is_a_sample(live)


def _seen(proof: Proof) -> list[str]:
    return [verdict.seen for verdict in proof.verdicts]


async def _counts_begin_where_the_last_claim_ended(live: Live) -> None:
    before = await counters.settled(live.mesh.plan, live.mesh.admins)
    assert before["broken"] == 5 * 4 + 2 * 4
    assert before["copy"] == 400
    assert before["shop-v1"] + before["shop-v2"] == 400 + 20


async def _a_request_without_an_answer_is_a_sample(live: Live) -> None:
    address = live.url("slow").removeprefix("http://")
    jason = Headers.of({"end-user": "jason"})
    outgoing = Outgoing(address, "slow", "GET", "/", jason, b"", 2, 2, timeout=0.05)
    start = time.perf_counter()
    samples = await send(outgoing)
    assert time.perf_counter() - start < 0.19
    assert [(sample.status, bool(sample.error)) for sample in samples] == [(-1, True)] * 2
    nobody = Outgoing("127.0.0.1:1", "x", "GET", "/", Headers(), b"", 1, 1, timeout=1.0)
    ((refused),) = await send(nobody)
    assert refused.status == -1
