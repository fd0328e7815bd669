"""Where a real Envoy retries, and how many retries its budget lets through."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh_patterns.compile import retry_policy
from mesh_patterns.draft import Retries
from tests.mesh_patterns.running import Running, running

scoped = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    page: {calls: [any, other, stuck, moving]}
    any: {versions: {v1: , v2: }}
    other: {versions: {v1: , v2: }}
    stuck: {versions: {v1: , v2: }}
    moving: {versions: {v1: , v2: }}
    now:
    window:
patterns:
- {pattern: fault, on: any/v2, abort: {status: 503}}
- {pattern: fault, on: other/v2, abort: {status: 503}}
- {pattern: load_balancing, on: any, policy: random}
- {pattern: load_balancing, on: other, policy: random}
- {pattern: retries, on: any, attempts: 1, backoff: {base: 1ms}}
- {pattern: retries, on: other, attempts: 1, backoff: {base: 1ms}, hosts: other}
- {pattern: fault, on: stuck/v1, abort: {status: 503}}
- {pattern: fault, on: moving/v1, abort: {status: 503}}
- {pattern: failover, on: stuck, order: [v1, v2]}
- {pattern: failover, on: moving, order: [v1, v2]}
- {pattern: retries, on: stuck, attempts: 3, backoff: {base: 1ms}}
- {pattern: retries, on: moving, attempts: 3, backoff: {base: 1ms}, priorities: other}
- pattern: retries
  on: now
  attempts: 3
  retry_on: 5xx
  backoff: {base: 1ms}
  budget: {min_concurrency: 0}
- pattern: retries
  on: window
  attempts: 3
  retry_on: 5xx
  backoff: {base: 1ms}
  budget: {min_concurrency: 0, interval: 1s}
"""
SENDS = 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("retries")) as mesh:
        yield mesh


async def failures(mesh: Running, service: str) -> int:
    return sum([(await mesh.get(service)).status != 200 for _ in range(SENDS)])


@scoped
async def test_a_retry_may_meet_the_same_host_unless_it_is_told_not_to(mesh: Running) -> None:
    # One of two hosts is ill. By chance both tries go there for a quarter of the requests (4.5 σ);
    # with five more choices it is a half of a 64th.
    assert 22 <= await failures(mesh, "any") <= 78
    assert await failures(mesh, "other") <= 9


@scoped
async def test_a_retry_may_leave_the_priority_that_fails(mesh: Running) -> None:
    stuck, moving = await mesh.get("stuck"), await mesh.get("moving")
    assert (stuck.status, moving.status, moving.instance) == (503, 200, "moving-v2")
    assert moving.got("x-envoy-attempt-count") == ["2"]


@scoped
async def test_an_interval_makes_a_budget_wider(mesh: Running) -> None:
    tries: Counter[str] = Counter()
    for service in ("now", "window"):
        for _ in range(40):
            await mesh.get(service, headers={"x-answer": "503"})
        tries[service] = mesh.upstream.reached[service]
    print(tries)
    assert tries["now"] == 40
    assert tries["window"] > 80


def test_what_is_not_said_is_left_to_envoy() -> None:
    message = retry_policy.message(Retries(2, ("5xx",)))
    assert not message.retry_host_predicate
    assert not message.retry_priority
