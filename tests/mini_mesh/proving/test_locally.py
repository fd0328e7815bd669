"""Claims under wasmtime: the filters on a request's way, in their order, and no Envoy."""

from __future__ import annotations

from pathlib import Path

from mesh_patterns.load import load
from mini_mesh.proving.judge import Verdict
from mini_mesh.proving.locally import filters_of, judge
from tests.wasm_filters.guests import guest, on_request_headers

MESH = """
mesh: {services: {web: {calls: [shop]}, shop: {versions: {v1: , v2: }}}}
patterns:
  - {pattern: wasm, on: web -> shop, file: "meshloom:header_policy",
     configuration: {request: {set: {x-from: caller}}, response: {set: {x-outer: "1"}}}}
  - {pattern: wasm, on: shop, file: "meshloom:header_policy",
     configuration: {response: {set: {x-inner: "1"}}, deny: [{path: /no, body: never}]}}
expect:
"""


def judged(folder: Path, claim: str, mesh: str = MESH) -> list[Verdict]:
    file = folder / "mesh.yaml"
    file.write_text(f"{mesh}  - {claim}\n")
    draft = load([file])
    return list(judge(draft.mesh.claims[0], draft))


def test_a_callers_filter_stands_before_the_services(tmp_path: Path) -> None:
    both = "response_headers: {x-outer: 1, x-inner: 1}"
    outer, inner = judged(tmp_path, f"{{from: web, to: shop, {both}}}")
    assert outer.claim == "web → shop /: response header x-outer (wasmtime)"
    assert (outer.holds, inner.holds) == (True, True)
    outer, inner = judged(tmp_path, f"{{from: client, to: shop, {both}}}")
    assert (outer.holds, outer.seen, inner.holds) == (False, "absent", True)


def test_an_answer_of_a_filter_is_judged_as_one_of_envoys(tmp_path: Path) -> None:
    claim = "{to: shop, path: /no, send: 9, status: 403, body_contains: never}"
    status, body = judged(tmp_path, claim)
    assert (status.expected, status.seen, status.holds) == ("1", "1", True)
    assert (body.seen, body.holds) == ("1 of 1", True)


def test_without_a_filter_on_its_way_there_is_nothing_to_prove(tmp_path: Path) -> None:
    (verdict,) = judged(tmp_path, "{to: web, engines: [wasmtime], status: 200}")
    assert (verdict.holds, verdict.seen) == (False, "none")
    assert verdict.expected == "a wasm filter on its way"


def test_a_filter_that_traps_is_a_claim_that_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / "trap.wasm").write_bytes(guest(on_request_headers("(unreachable)")))
    patterns = "patterns: [{pattern: wasm, on: web, file: trap.wasm}]\n"
    mesh = f"mesh: {{services: {{web: }}}}\n{patterns}expect:\n"
    (verdict,) = judged(tmp_path, "{to: web, status: 200}", mesh)
    assert not verdict.holds


def test_only_the_filters_of_the_way_are_run(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(f"{MESH}  - {{from: web, to: shop, status: 200}}\n")
    draft = load([file])
    configured = [each.configuration for each in filters_of(draft.mesh.claims[0], draft)]
    assert ["x-outer" in text for text in configured] == [True, False]
