"""Routes at Services: what callers inside the mesh do, asked of a real Envoy."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined, route, services, to
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
Told = Callable[[Draft], list[str]]

VERSIONS = """
    apiVersion: v1
    kind: List
    items:
    - {apiVersion: v1, kind: Service, metadata: {name: echo},
       spec: {selector: {app: echo}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: echo-v1},
       spec: {selector: {app: echo, version: v1}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: echo-v2},
       spec: {selector: {app: echo, version: v2}, ports: [{port: 80}]}}
    - {apiVersion: v1, kind: Pod, metadata: {name: echo-v1, labels: {app: echo, version: v1}}}
    - {apiVersion: v1, kind: Pod, metadata: {name: echo-v2, labels: {app: echo, version: v2}}}
"""
CALLERS = """
    apiVersion: v1
    kind: List
    items:
    - apiVersion: v1
      kind: Pod
      metadata: {name: near, labels: {app: near}}
      spec: {containers: [{env: [{name: URL, value: "http://two http://echo"}]}]}
    - apiVersion: v1
      kind: Pod
      metadata: {name: far, namespace: consumer, labels: {app: far}}
      spec: {containers: [{env: [{name: URL, value: "http://two.default"}]}]}
"""
SERVICE = '{group: "", kind: Service, name: %s, port: 80}'
MESH = joined(
    NODE,
    VERSIONS,
    CALLERS,
    services("two"),
    route(
        f"""
        - {{matches: [{{path: {{value: /v2}}}}], backendRefs: [{to("echo-v2")}]}}
        - {{matches: [{{path: {{value: /half}}}}],
           backendRefs: [{{name: echo-v1, weight: 1}}, {{name: echo-v2, weight: 1}}]}}
        - {{matches: [{{path: {{value: /root}}}}], backendRefs: [{to("echo")}]}}
        """,
        "split",
        SERVICE % "echo",
    ),
    route(
        """
        - filters:
          - {type: ResponseHeaderModifier,
             responseHeaderModifier: {set: [{name: x-by, value: producer}]}}
          backendRefs: [{name: two}]
        """,
        "producer",
        SERVICE % "two",
    ),
    route(
        """
        - filters:
          - {type: ResponseHeaderModifier,
             responseHeaderModifier: {set: [{name: x-by, value: consumer}]}}
          backendRefs: [{name: two, namespace: default}]
        """,
        "consumer",
        '{group: "", kind: Service, name: two, namespace: default}',
        meta=", namespace: consumer",
    ),
    """
    apiVersion: gateway.networking.k8s.io/v1beta1
    kind: ReferenceGrant
    metadata: {name: g}
    spec:
      from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: consumer}]
      to: [{group: "", kind: Service}]
    """,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("mesh")) as mesh:
        yield mesh


async def test_services_of_single_versions_are_the_backends_of_their_service(mesh: Running) -> None:
    assert list(mesh.draft.mesh.services) == ["echo", "two", "near", "far"]
    assert (await mesh.get("echo", "/v2/x")).instance == "echo-v2"
    seen = Counter([(await mesh.get("echo", "/half")).instance for _ in range(40)])
    assert set(seen) == {"echo-v1", "echo-v2"}
    assert {(await mesh.get("echo", "/root")).instance for _ in range(4)} == set(seen)


async def test_what_no_rule_takes_is_not_found_by_callers_of_that_service_alone(
    mesh: Running,
) -> None:
    assert (await mesh.get("echo", "/other")).status == 404
    assert {(await mesh.get("echo", "/other", host="echo-v2")).instance for _ in range(4)} == {
        "echo-v2"
    }


async def test_a_consumers_route_is_for_its_own_namespace_and_the_producers_for_others(
    mesh: Running,
) -> None:
    assert (await mesh.get("two")).headers["x-by"] == "producer"
    assert (await mesh.get("two", caller="near")).headers["x-by"] == "producer"
    assert (await mesh.get("two", caller="far")).headers["x-by"] == "consumer"


async def test_a_consumers_route_that_nobody_follows_is_told(
    imported: Callable[..., Draft], told: Told
) -> None:
    parent = '{group: "", kind: Service, name: two, namespace: default}'
    lone = route(f"- backendRefs: [{to('two')}]", "c", parent, meta=", namespace: consumer")
    draft = imported(services("two"), lone)
    assert "2.yaml:5:49: HTTPRoute 'c' is for callers in 'consumer', where nobody calls 'two'" in (
        told(draft)
    )


async def test_a_route_may_be_at_the_service_of_one_version(imported: Callable[..., Draft]) -> None:
    only = f"- {{matches: [{{path: {{value: /a}}}}], backendRefs: [{to('echo-v1')}]}}"
    draft = imported(VERSIONS, route(only, "p", SERVICE % "echo-v2"))
    edge = draft.edges["client", "echo"]
    assert not edge.closed
    hosts = [(rule.hosts[0], rule.value("respond")) for rule in edge.rules]
    assert [host for host, _ in hosts] == ["echo-v2", "echo-v2", "echo-v1", "echo-v2"]
    assert hosts[1][1].status == 404


async def test_a_policy_alone_knows_versions_by_their_names(imported: Callable[..., Draft]) -> None:
    split = "- backendRefs: [{name: reviews-v1, weight: 90}, {name: reviews-v2, weight: 10}]"
    draft = imported(route(split, "s", SERVICE % "reviews"))
    assert list(draft.mesh.services) == ["reviews"]
    (rule,) = draft.edges["client", "reviews"].rules
    assert [str(each.target) for each in rule.split] == ["reviews/v1", "reviews/v2"]
