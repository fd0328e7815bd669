"""Where nodes stand: by literals, and in a real mesh that is sent what Envoy refuses."""

from __future__ import annotations

from pathlib import Path

from mini_mesh.proving.observed import Observed
from mini_mesh.proving.prover import prove
from tests.mini_mesh.live import started
from tests.mini_mesh.proving.claims import answers, judged

MESH = """
mesh: {services: {web: {ingress: true, calls: [shop]}, shop: }}
expect:
- {send: 2, status: 200, config: {web: acked, ingress: [acked, unchanged, settled]}}
- {claim: refused, send: 5, status: 200, config: {shop: refused, web: [acked, unchanged]},
   with: {patterns: [{pattern: lua, on: shop, code: 'function envoy_on_request(h'}]}}
- {claim: as before, status: 200, config: {shop: acked}}
- {rate: 50, during: push 2, status: 200, config: {web: [acked, changed]}}
- {rate: 50, during: kill control-plane for 200ms, status: 200, config: {web: [acked, unchanged]}}
- {claim: lies, config: {web: refused}}
"""


async def test_a_refused_config_is_told_and_the_old_one_goes_on(tmp_path: Path) -> None:
    async with started(tmp_path, MESH, drain_seconds=1) as live:
        proofs = [proof async for proof in prove(live.mesh)]
    assert [v.claim for p in proofs for v in p.verdicts if not v.holds] == ["lies: config of web"]
    assert proofs[-1].verdicts[0].seen == "acked, settled, unchanged"


def test_all_of_several_nodes_have_to_be_so(tmp_path: Path) -> None:
    states = {"web-v1": frozenset({"acked"}), "web-v2": frozenset({"refused"})}
    text = "{to: web, config: {web: acked, web/v1: acked, client: acked}}"
    both, one, unknown = judged(tmp_path, text, Observed(answers(200), configs=states))
    assert (both.holds, both.seen) == (False, "web-v1: acked; web-v2: refused")
    assert (one.holds, unknown.holds) == (True, False)
