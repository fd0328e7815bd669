"""Whom a real Envoy chooses by what hosts say of themselves; the other policies are in
test_traffic_policy.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from mesh_patterns.compile import load_balancing
from mesh_patterns.policy import HashKey, LoadBalancing
from tests.mesh_patterns.running import Running, running

scoped = pytest.mark.asyncio(loop_scope="module")

OPTIONS = "utilization: {blackout: 0s, update: 100ms, expiration: 10s"
PLACES = """{
      a: {locality: eu/1, replicas: 3}, b: {locality: eu/2},
      c: {locality: us/1}, d: {locality: asia/1}
    }"""
MESH = f"""
mesh:
  dataplane: node
  services:
    busy: {{versions: {{v1: , v2: }}}}
    named: {{versions: {{v1: , v2: }}}}
    quiet: {{versions: {{v1: , v2: }}}}
    failing: {{versions: {{v1: , v2: }}}}
    spread: {{versions: {PLACES}}}
    both: {{versions: {PLACES}}}
patterns:
- {{pattern: load_balancing, on: spread, localities: {{eu: 80, us: 20}}}}
- pattern: load_balancing
  on: both
  policy: client_side_weighted_round_robin
  localities: {{eu: 80, us: 20}}
  {OPTIONS}}}
- {{pattern: load_balancing, on: busy, policy: client_side_weighted_round_robin, {OPTIONS}}}}}
- pattern: load_balancing
  on: named
  policy: client_side_weighted_round_robin
  {OPTIONS}, metrics: [named_metrics.queue]}}
- {{pattern: load_balancing, on: quiet, policy: client_side_weighted_round_robin, {OPTIONS}}}}}
- pattern: load_balancing
  on: failing
  policy: client_side_weighted_round_robin
  {OPTIONS}, error_penalty: 10}}
  slow_start: {{window: 100ms}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("balance")) as mesh:
        for service, said in (
            ("busy", "rps_fractional=100,application_utilization="),
            ("named", "rps_fractional=100,named_metrics.queue="),
        ):
            mesh.upstream.loads[f"{service}-v1"] = f"{said}0.2"
            mesh.upstream.loads[f"{service}-v2"] = f"{said}0.8"
        for version, errors in (("v1", 0), ("v2", 50)):
            said = f"rps_fractional=100,application_utilization=0.5,eps={errors}"
            mesh.upstream.loads[f"failing-{version}"] = said
        yield mesh


async def shares(mesh: Running, service: str, count: int = 300) -> Counter[str]:
    """Who answers, when the weights are known."""
    for _ in range(10):
        await mesh.get(service)
    await asyncio.sleep(0.3)
    return Counter([(await mesh.get(service)).instance for _ in range(count)])


@scoped
@pytest.mark.parametrize("service", ["busy", "named"])
async def test_who_is_four_times_as_busy_gets_a_quarter(mesh: Running, service: str) -> None:
    found = await shares(mesh, service)
    assert 225 <= found[f"{service}-v1"] <= 255


@scoped
@pytest.mark.parametrize("service", ["spread", "both"])
async def test_a_locality_has_its_share_and_a_region_that_of_its_zones(
    mesh: Running, service: str
) -> None:
    found = await shares(mesh, service, 500)
    by_version = Counter({name: 0 for name in "abcd"})
    for name, count in found.items():
        by_version[name.split("-")[1]] += count
    # three of the four hosts in eu are at a, so of its 80 % these get 60
    for version, share in (("a", 300), ("b", 100), ("c", 100), ("d", 0)):
        assert abs(by_version[version] - share) <= 5


@scoped
async def test_errors_count_as_load(mesh: Running) -> None:
    found = await shares(mesh, "failing")
    assert found["failing-v1"] > 220  # of 300; by turns it were 150


@scoped
async def test_who_says_nothing_has_his_turn(mesh: Running) -> None:
    found = await shares(mesh, "quiet", 100)
    assert set(found.values()) == {50}


def test_the_older_policies_are_fields_of_their_own() -> None:
    fields = load_balancing.fields(LoadBalancing("least_request", choice_count=3))
    assert set(fields) == {"lb_policy", "least_request_lb_config"}


def test_a_cookie_that_envoy_makes_has_a_path() -> None:
    message = load_balancing.hash_policy(HashKey("cookie", "seat", ttl=timedelta(0)))
    assert message.cookie is not None
    assert (message.cookie.name, message.cookie.path) == ("seat", "/")
