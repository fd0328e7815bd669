"""Claims under wasmtime: the filters on a request's way, in their order, and no Envoy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.load import load
from mini_mesh.proving.locally import judge
from mini_mesh.proving.verdict import Verdict
from tests.mini_mesh.proving.conftest import Placed
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


Judged = Callable[..., list[Verdict]]


@pytest.fixture
def judged(tmp_path: Path, placed: Placed) -> Judged:
    """``judged(claim, mesh)``: what wasmtime's side says of the claim."""

    def judged(claim: str, mesh: str = MESH) -> list[Verdict]:
        file = tmp_path / "mesh.yaml"
        file.write_text(f"{mesh}  - {claim}\n")
        draft = load([file])
        return list(judge(draft.mesh.claims[0], draft, placed(draft)))

    return judged


def test_a_callers_filter_stands_before_the_services(judged: Judged) -> None:
    both = "response_headers: {x-outer: 1, x-inner: 1}"
    outer, inner = judged(f"{{from: web, to: shop, {both}}}")
    assert outer.claim == "web → shop /: response header x-outer (wasmtime)"
    assert (outer.holds, inner.holds) == (True, True)
    outer, inner = judged(f"{{from: client, to: shop, {both}}}")
    assert (outer.holds, outer.seen, inner.holds) == (False, "absent", True)


def test_an_answer_of_a_filter_is_judged_as_one_of_envoys(judged: Judged) -> None:
    claim = "{to: shop, path: /no, send: 9, status: 403, body_contains: never}"
    status, body = judged(claim)
    assert (status.expected, status.seen, status.holds) == ("9", "9", True)
    assert (body.seen, body.holds) == ("9 of 9", True)


LIMITED = """
mesh: {services: {api: }}
patterns:
  - {pattern: wasm, on: api, file: "meshloom:plan_limit",
     configuration: {plans: {all: {limit: 3, window_seconds: 60}}, default_plan: all}}
expect:
"""


def test_all_requests_of_a_claim_go_through_one_filter(judged: Judged) -> None:
    passed, limited = judged("{to: api, send: 5, status: {200: 3, 429: 2}}", LIMITED)
    assert (passed.seen, passed.holds) == ("3 (and 2 × 429)", True)
    assert (limited.seen, limited.holds) == ("2 (and 3 × 200)", True)


def test_each_claim_has_a_filter_of_its_own(judged: Judged) -> None:
    claim = "{to: api, send: 3, status: 200}"
    for _ in range(2):
        (verdict,) = judged(claim, LIMITED)
        assert verdict.holds


def test_without_a_filter_on_its_way_there_is_nothing_to_prove(judged: Judged) -> None:
    (verdict,) = judged("{to: web, engines: [wasmtime], status: 200}")
    assert (verdict.holds, verdict.seen) == (False, "none")
    assert verdict.expected == "a wasm filter on its way"


One = Callable[..., Verdict]


@pytest.fixture
def one(tmp_path: Path, judged: Judged) -> One:
    """The verdict on a claim about a service with one filter, which runs ``code`` at headers."""

    def one(code: str, claim: str, on_trap: str = "fail", answer: int = 0) -> Verdict:
        (tmp_path / "one.wasm").write_bytes(guest(on_request_headers(code, answer)))
        pattern = f"{{pattern: wasm, on: web, file: one.wasm, on_trap: {on_trap}}}"
        mesh = f"mesh: {{services: {{web: }}}}\npatterns: [{pattern}]\nexpect:\n"
        (verdict,) = judged(claim, mesh)
        return verdict

    return one


def test_a_filter_that_traps_is_a_claim_that_does_not_hold(one: One) -> None:
    verdict = one("(unreachable)", "{to: web, send: 3, status: 200}")
    assert (verdict.seen, verdict.holds) == ("0 (and 3 × 503)", False)


def test_after_a_trap_happens_what_the_pattern_says(one: One) -> None:
    claim = "{to: web, send: 3, status: {200: 2}}"
    verdict = one("(unreachable)", claim, on_trap="open")
    assert (verdict.seen, verdict.holds) == ("2 (and 1 × 503)", True)


def test_a_request_that_nobody_answers_says_why(one: One) -> None:
    verdict = one("", "{to: web, status: 200}", answer=1)
    assert (verdict.seen, verdict.holds) == ("0 (and 1 × no answer)", False)
    (shown,) = verdict.evidence
    assert shown.endswith("paused in proxy_on_request_headers")


def test_a_filter_that_does_not_start_says_why(judged: Judged) -> None:
    mesh = LIMITED.replace("limit: 3", "limit: none")
    (verdict,) = judged("{to: api, status: 200}", mesh)
    assert (verdict.expected, verdict.holds) == ("filters that start", False)
    assert "plans.all.limit: invalid type" in verdict.seen


def test_whom_a_filter_asked_in_vain_is_the_verdict(judged: Judged) -> None:
    mesh = """
mesh: {services: {web: , auth: {protocol: grpc}}}
patterns:
  - {pattern: wasm, on: web, file: "meshloom:async_auth", calls: [auth],
     configuration: {cluster: auth}}
expect:
"""
    claim = "{to: web, send: 9, engines: [wasmtime], status: 200}"
    (verdict,) = judged(claim, mesh)
    assert (verdict.claim, verdict.holds) == ("web / × 9: wasmtime", False)
    assert verdict.expected == "an answer to a filter's call"
    assert verdict.seen.startswith("auth speaks gRPC")
