"""A DestinationRule's trafficPolicy: of a service, of its subsets, of its port; in a real Envoy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def rule(name: str, spec: str) -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {name}, {spec}}}
"""


def two(name: str) -> str:
    second = service(f"{name}-2").replace(
        f"app: {name}-2, version: v1", f"app: {name}, version: v2"
    )
    return service(name) + second


OUT = "consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 60s"
SUBSETS = (
    "subsets: [{name: one, labels: {version: v1}, "
    "trafficPolicy: {connectionPool: {http: {http2MaxRequests: 100}}}}, "
    "{name: two, labels: {version: v2}}]"
)
LIMIT = "{maxConnections: 7}"
ROUTE = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: halves}
spec:
  hosts: [halves]
  http:
  - {match: [{uri: {prefix: /one}}], route: [{destination: {host: halves, subset: one}}]}
  - {match: [{uri: {prefix: /two}}], route: [{destination: {host: halves, subset: two}}]}
  - route: [{destination: {host: halves}}]
"""
MESH = "mesh: {dataplane: node}\n" + "".join(
    [
        *(two(name) for name in ("trap", "out", "halves")),
        *(service(name) for name in ("ported", "elsewhere", "tight")),
        rule("trap", f"trafficPolicy: {{outlierDetection: {{{OUT}}}}}"),
        rule("out", f"trafficPolicy: {{outlierDetection: {{{OUT}, maxEjectionPercent: 100}}}}"),
        rule("halves", f"trafficPolicy: {{connectionPool: {{tcp: {LIMIT}}}}}, {SUBSETS}"),
        rule(
            "ported",
            "trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}, portLevelSettings: "
            "[{port: {number: 80}, loadBalancer: {simple: RANDOM}}]}",
        ),
        ROUTE,
    ]
) + """---
patterns:
- {pattern: fault, on: trap/v2, abort: {status: 503}}
- {pattern: fault, on: out/v2, abort: {status: 503}}
"""  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("traffic")) as mesh:
        yield mesh


async def test_ten_percent_of_two_hosts_is_nobody_as_in_istio(mesh: Running) -> None:
    """Istio's default and Envoy's; a pattern of ours that says nothing always ejects one."""
    statuses = [(await mesh.get("trap")).status for _ in range(40)]
    assert statuses.count(503) == 20
    assert any(
        "10% of the hosts of 'trap' is less than one" in w.message for w in mesh.draft.warnings
    )
    statuses = [(await mesh.get("out")).status for _ in range(40)]
    assert statuses.count(503) <= 2


async def test_a_subset_says_it_part_by_part(mesh: Running) -> None:
    edge = mesh.draft.edges["client", "halves"]
    assert edge.of_cluster(None)["circuit_breaker"].value.max_connections == 7
    of_one = edge.of_cluster("v1")["circuit_breaker"].value
    assert (of_one.max_requests, of_one.max_connections) == (100, 2**32 - 1)
    assert edge.of_cluster("v2") == edge.of_cluster(None)
    for path, instance in (("/one", "halves-v1"), ("/two", "halves-v2")):
        assert (await mesh.get("halves", path)).instance == instance


async def test_what_is_said_of_the_port_replaces_all_of_it(mesh: Running) -> None:
    settings = mesh.draft.edges["client", "ported"].settings
    assert set(settings) == {"load_balancing"}
    assert settings["load_balancing"].value.policy == "random"
    assert (await mesh.get("ported")).status == 200


async def test_settings_of_another_port_are_told(imported: Import, told: Told) -> None:
    ports = "portLevelSettings: [{port: {number: 81}, loadBalancer: {simple: RANDOM}}]"
    draft = imported(service("a"), rule("a", f"trafficPolicy: {{{ports}}}"))
    assert draft.edges["client", "a"].settings == {}
    assert any("portLevelSettings of another port than its one" in line for line in told(draft))


async def test_a_wildcard_holds_for_whom_no_rule_names(imported: Import) -> None:
    wide = rule("'*.local'", "trafficPolicy: {loadBalancer: {simple: RANDOM}}")
    wide = wide.replace("name: '*.local'", "name: wide")
    named = rule("a", "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}")
    draft = imported(service("a"), service("b"), wide, named)
    policies = [draft.edges["client", name].settings["load_balancing"].value for name in "ab"]
    assert [policy.policy for policy in policies] == ["round_robin", "random"]


async def test_a_second_rule_for_a_service_adds_subsets_and_no_policy(
    imported: Import, told: Told
) -> None:
    first = rule("a", "trafficPolicy: {loadBalancer: {simple: RANDOM}}")
    other = first.replace("{name: a}", "{name: b}").replace("RANDOM", "ROUND_ROBIN")
    draft = imported(service("a"), first, other)
    assert draft.edges["client", "a"].settings["load_balancing"].value.policy == "random"
    assert any("another DestinationRule says what traffic" in line for line in told(draft))
