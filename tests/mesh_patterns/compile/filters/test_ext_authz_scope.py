"""Whom a real Envoy asks about: the requests that ``only`` names, and no others."""

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
    web: {calls: [edge]}
    api:
    edge:
    both:
    judge:
    other:
patterns:
- pattern: ext_authz
  on: api
  service: judge
  send: [x-answer]
  only:
  - {paths: /admin/*, not: {methods: GET}}
  - {headers: {x-risky: "yes"}}
- {pattern: ext_authz, on: web -> edge, service: judge, send: x-answer, only: {paths: /in}}
- {pattern: ext_authz, on: both, service: judge, send: x-answer, only: {paths: /a}}
- {pattern: ext_authz, on: both, service: other, send: x-answer, only: {paths: [/a, /b]}}
"""
NO = {"x-answer": "403"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("scope")) as mesh:
        yield mesh


@pytest.mark.parametrize(
    ("to", "method", "path", "more", "judge", "other"),
    [
        ("api", "GET", "/", {}, 0, 0),
        ("api", "PUT", "/admin/x", {}, 1, 0),
        ("api", "GET", "/admin/x", {}, 0, 0),
        ("api", "PUT", "/other", {}, 0, 0),
        ("api", "GET", "/", {"x-risky": "yes"}, 1, 0),
        ("both", "GET", "/a", {}, 1, 1),
        ("both", "GET", "/b", {}, 0, 1),
        ("both", "GET", "/c", {}, 0, 0),
    ],
)
async def test_somebody_is_asked_about_these_alone(
    mesh: Running, to: str, method: str, path: str, more: dict[str, str], judge: int, other: int
) -> None:
    before = mesh.upstream.reached.copy()
    assert (await mesh.get(to, path, more, method)).status == 200
    asked = mesh.upstream.reached - before
    assert (asked["judge"], asked["other"]) == (judge, other)
    assert asked[to] == 1


async def test_a_no_is_a_no_at_a_caller_too(mesh: Running) -> None:
    assert (await mesh.get("api", "/", {**NO, "x-risky": "yes"})).status == 403
    assert (await mesh.get("edge", "/in", NO, caller="web")).status == 403
    before = mesh.upstream.reached["judge"]
    assert (await mesh.get("edge", "/out", NO, caller="web")).instance == "edge"
    assert mesh.upstream.reached["judge"] == before
