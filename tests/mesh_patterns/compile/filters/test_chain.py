"""Faults and WASM filters in a real Envoy: at the callers or the workloads that they are for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    front: {calls: [edge, held, ruled, tagged, both, retried, broken]}
    other: {calls: [edge, tagged]}
    edge:
    held:
    far: {versions: {v1: , v2: }}
    called:
    ruled:
    grpc:
    partly:
    never:
    both:
    retried:
    broken:
    tagged:
    guarded: {versions: {v1: , v2: }}
    chained:
patterns:
- {pattern: fault, on: front -> edge, abort: {status: 418}}
- pattern: fault
  on: front -> held
  when: {headers: {end-user: jason, x-n: {prefix: a}}}
  delay: {fixed: 150ms}
- {pattern: fault, on: far/v2, abort: {status: 418}}
- {pattern: fault, on: called, side: caller, abort: {status: 418}}
- {pattern: fault, on: grpc, abort: {grpc_status: 14}}
- {pattern: fault, on: partly, abort: {status: 418, percent: 30%}}
- {pattern: fault, on: never, abort: {status: 418, percent: 0}, delay: {fixed: 5s, percent: 0}}
- {pattern: fault, on: front -> both, when: {headers: {x-a: 1}}, abort: {status: 418}}
- {pattern: fault, on: front -> both, when: {headers: {x-b: 1}}, abort: {status: 429}}
- pattern: route
  on: ruled
  rules:
  - {match: {path: /sick}, fault: {abort: {status: 418}}}
  - {match: {path: /slow}, fault: {delay: {fixed: 150ms}}}
- {pattern: fault, on: front -> ruled, when: {headers: {x-a: 1}}, abort: {status: 429}}
- {pattern: retries, on: front -> retried, attempts: 2, retry_on: 5xx}
- {pattern: fault, on: front -> retried, side: service, abort: {status: 503}}
- {pattern: retries, on: front -> broken, attempts: 2, retry_on: 5xx}
- {pattern: fault, on: front -> broken, abort: {status: 503}}
- pattern: wasm
  on: front -> tagged
  file: meshloom:header_policy
  configuration: {response: {set: {x-filter: edge}}}
- pattern: wasm
  on: guarded/v2
  file: meshloom:header_policy
  configuration: '{"deny": [{"path": "/"}]}'
- pattern: wasm
  on: chained
  file: meshloom:header_policy
  configuration: {request: {add: {x-way: first}}}
- pattern: wasm
  on: chained
  file: meshloom:header_policy
  configuration: {request: {add: {x-way: second}}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("filters")) as mesh:
        yield mesh


async def test_a_fault_on_an_edge_is_for_that_caller_and_that_callee(mesh: Running) -> None:
    failed = await mesh.get("edge", caller="front")
    assert (failed.status, failed.body) == (418, "fault filter abort")
    assert (await mesh.get("edge", caller="other")).status == 200
    assert (await mesh.get("edge")).status == 200
    assert (await mesh.get("held", caller="front")).status == 200


async def test_a_fault_waits_for_the_requests_that_it_is_for(mesh: Running) -> None:
    jason = await mesh.get("held", headers={"end-user": "jason", "x-n": "ab"}, caller="front")
    assert (jason.status, jason.instance) == (200, "held")
    assert 0.145 <= jason.seconds < 2
    mary = await mesh.get("held", headers={"end-user": "mary", "x-n": "ab"}, caller="front")
    half = await mesh.get("held", headers={"end-user": "jason"}, caller="front")
    assert max(mary.seconds, half.seconds) < 0.145


async def test_a_fault_on_a_version_stands_before_that_workload_only(mesh: Running) -> None:
    assert sorted([(await mesh.get("far")).status for _ in range(4)]) == [200, 200, 418, 418]
    assert mesh.upstream.reached["far-v2"] == 0


async def test_a_fault_on_a_service_may_stand_at_every_caller(mesh: Running) -> None:
    assert (await mesh.get("called")).status == 418
    inbound = await mesh.send("inbound:called", "/", {}, "GET", "called")
    assert inbound.status == 200


async def test_a_fault_may_be_of_grpc(mesh: Running) -> None:
    answer = await mesh.get("grpc", headers={"content-type": "application/grpc"})
    assert (answer.status, answer.headers["grpc-status"]) == (200, "14")


async def test_a_percentage_is_of_the_requests(mesh: Running) -> None:
    statuses = [(await mesh.get("partly")).status for _ in range(200)]
    assert 21 <= statuses.count(418) <= 99  # of 200 at 3 in 10: six standard deviations
    assert {(await mesh.get("never")).status for _ in range(20)} == {200}


async def test_two_faults_on_one_edge_both_hold(mesh: Running) -> None:
    statuses = [
        (await mesh.get("both", headers=headers, caller="front")).status
        for headers in ({"x-a": "1"}, {"x-b": "1"}, {})
    ]
    assert statuses == [418, 429, 200]


async def test_a_fault_of_a_rule_is_for_its_requests_beside_one_of_the_edge(mesh: Running) -> None:
    assert (await mesh.get("ruled", "/sick")).status == 418
    assert (await mesh.get("ruled", "/well")).status == 200
    slow = await mesh.get("ruled", "/slow")
    assert (slow.status, slow.seconds >= 0.145) == (200, True)
    assert (await mesh.get("ruled", "/well", {"x-a": "1"}, caller="front")).status == 429
    assert (await mesh.get("ruled", "/well", {"x-a": "1"})).status == 200
    assert (await mesh.get("ruled", "/sick", caller="front")).status == 418


async def test_what_the_callers_own_fault_aborts_is_not_retried_what_the_far_one_aborts_is(
    mesh: Running,
) -> None:
    far = await mesh.get("retried", caller="front")
    own = await mesh.get("broken", caller="front")
    assert (far.status, own.status) == (503, 503)
    assert await mesh.stat("http.inbound-retried.downstream_rq_total") == 3
    assert await mesh.stat("http.inbound-broken.downstream_rq_total") == 0


async def test_a_wasm_filter_on_an_edge_sees_that_edge_only(mesh: Running) -> None:
    assert (await mesh.get("tagged", caller="front")).headers["x-filter"] == "edge"
    assert "x-filter" not in (await mesh.get("tagged", caller="other")).headers
    assert "x-filter" not in (await mesh.get("edge", caller="front")).headers


async def test_a_wasm_filter_on_a_version_stands_before_that_workload(mesh: Running) -> None:
    assert sorted([(await mesh.get("guarded")).status for _ in range(4)]) == [200, 200, 403, 403]


async def test_wasm_filters_run_in_the_order_of_the_file(mesh: Running) -> None:
    assert (await mesh.get("chained")).got("x-way") == ["first", "second"]
