"""How much a real Envoy lets a caller have open, in the compartments that patterns make."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh_patterns.compile import traffic_policy
from mesh_patterns.draft import Target
from tests.mesh_patterns.conftest import Read
from tests.mesh_patterns.running import Answer, Running, running

scoped = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    page: {calls: [shop, rules]}
    shop:
    rules:
    hosts: {versions: {v1: , v2: }}
patterns:
- {pattern: circuit_breaker, on: page -> shop, max_requests: 2}
- {pattern: bulkhead, on: page -> shop, when: {path: /pay}, max_requests: 3}
- {pattern: route, on: page -> rules, rules: [{match: {path: /pay}, priority: high}]}
- {pattern: circuit_breaker, on: page -> rules, max_requests: 1}
- {pattern: bulkhead, on: page -> rules, max_requests: 2}
- {pattern: circuit_breaker, on: hosts, max_connections_per_host: 2}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("breakers")) as mesh:
        yield mesh


async def together(mesh: Running, to: str, *paths: str, caller: str = "page") -> list[Answer]:
    """Requests that are all under way before the first is answered."""
    slow = {"x-wait": "0.3"}
    return await asyncio.gather(*(mesh.get(to, each, slow, caller=caller) for each in paths))


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(each.status for each in answers)


@scoped
@pytest.mark.parametrize(("service", "plain", "urgent"), [("shop", 2, 3), ("rules", 1, 2)])
async def test_what_is_in_a_compartment_is_counted_there_alone(
    mesh: Running, service: str, plain: int, urgent: int
) -> None:
    answers = await together(mesh, service, *["/"] * 6, *["/pay"] * 6)
    assert statuses(answers[:6]) == {200: plain, 503: 6 - plain}
    assert statuses(answers[6:]) == {200: urgent, 503: 6 - urgent}


@scoped
async def test_a_full_compartment_is_not_noticed_beside_it(mesh: Running) -> None:
    full = asyncio.create_task(together(mesh, "shop", *["/pay"] * 6))
    await asyncio.sleep(0.1)
    assert [(await mesh.get("shop", caller="page")).status for _ in range(20)] == [200] * 20
    assert statuses(await full)[503] == 3


@scoped
async def test_who_has_its_connections_lets_the_rest_wait(mesh: Running) -> None:
    answers = await together(mesh, "hosts", *["/"] * 10, caller="client")
    assert statuses(answers) == {200: 10}
    assert await mesh.stat("cluster.client->hosts.upstream_cx_total") == 4  # two hosts, two each
    assert await mesh.stat("cluster.client->hosts.upstream_cx_overflow") > 0


def test_each_limit_knows_its_line(read: Read) -> None:
    draft = read(MESH)
    settings = traffic_policy.policy(draft.edges, "page", Target("shop"))
    assert traffic_policy.origins(settings) == {
        "circuit_breakers": "mesh.yaml:10:3",
        "circuit_breakers.thresholds[1]": "mesh.yaml:11:3",
    }


def test_a_compartment_alone_leaves_the_others_envoys_limits(read: Read) -> None:
    draft = read(
        "mesh: {services: {web: }}\n"
        "patterns: [{pattern: bulkhead, on: web, when: {path: /a}, max_requests: 1}]"
    )
    settings = traffic_policy.policy(draft.edges, "client", Target("web"))
    (only,) = traffic_policy.fields(settings, "web")["circuit_breakers"].thresholds
    assert (only.priority.name, only.max_requests) == ("HIGH", 1)
    assert "circuit_breakers.thresholds[0]" in traffic_policy.origins(settings)
