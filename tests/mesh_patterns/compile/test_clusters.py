from __future__ import annotations

import json

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.compile.clusters import targets
from mesh_patterns.placement import Placement
from tests.mesh_patterns.conftest import Read, Refusal
from xds_server import mirror
from xds_server.resource import Resource, ResourceType

Clusters = dict[str, dict[str, Resource]]

MESH = """\
mesh:
  services:
    page: {calls: [web]}
    web: {versions: {v1: , v2: , v3: }}
    api: {protocol: grpc}
patterns:
- {pattern: canary, on: page -> web, weights: {v1: 100}}
- {pattern: mirror, on: page -> web, to: api}
- {pattern: route, on: page -> web, rules: [{match: {path: /a}, to: v2, mirror: {to: v3}}]}
"""


def test_a_caller_has_a_cluster_for_everybody_that_it_may_choose(read: Read) -> None:
    edge = read(MESH).edges["page", "web"]
    assert [str(target) for target in targets([edge, edge])] == [
        *("web", "web/v2", "web/v1", "api", "web/v3")
    ]


def test_an_envoy_knows_its_own_workload_and_whom_its_caller_reaches(read: Read) -> None:
    draft = read(MESH)
    snapshots = compile_mesh(draft, Placement.imagined(draft.mesh))
    clusters = {
        node: list(each.resources(ResourceType.CLUSTER)) for node, each in snapshots.items()
    }
    assert clusters == {
        "page": ["api", "local:page", "web", "web/v1", "web/v2", "web/v3"],
        "web-v1": ["local:web-v1"],
        "web-v2": ["local:web-v2"],
        "web-v3": ["local:web-v3"],
        "api": ["local:api"],
        "ingress": ["api", "page", "web"],
    }


def test_a_cluster_is_at_the_line_of_its_service_or_version(read: Read) -> None:
    draft = read(MESH)
    snapshot = compile_mesh(draft, Placement.imagined(draft.mesh))["page"]
    places = {
        name: each.origins[""] for name, each in snapshot.resources(ResourceType.CLUSTER).items()
    }
    assert places["web"] == "mesh.yaml:4:5"
    assert places["web/v2"] == "mesh.yaml:4:28"


CALLING = """\
mesh:
  dataplane: PLANE
  services:
    web: {calls: [shop]}
    shop: {versions: {v1: , v2: }}
    auth: {versions: {v1: , v2: }}
patterns:
- {pattern: wasm, on: ON, file: "meshloom:async_auth", calls: [auth, auth/v2],
   configuration: {cluster: auth}}
"""


def clusters_of(read: Read, on: str, *patterns: str, plane: str = "sidecar") -> Clusters:
    text = CALLING.replace("ON", on).replace("PLANE", plane)
    draft = read(text + "".join(f"- {{{each}}}\n" for each in patterns))
    snapshots = compile_mesh(draft, Placement.imagined(draft.mesh))
    return {
        node: dict(each.resources(ResourceType.CLUSTER)) for node, each in snapshots.items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("on", "nodes"),
    [
        ("shop", {"shop-v1", "shop-v2", "ingress"}),
        ("shop/v2", {"shop-v2", "ingress"}),
        ("web -> shop", {"web", "ingress"}),
    ],
)
def test_an_envoy_knows_whom_its_filters_ask(read: Read, on: str, nodes: set[str]) -> None:
    found = clusters_of(read, on)
    assert {node for node, clusters in found.items() if "auth" in clusters} == nodes
    assert {node for node, clusters in found.items() if "auth/v2" in clusters} == (
        nodes - {"ingress"}
    )


def rendered(cluster: Resource) -> dict[str, object]:
    return mirror.render(cluster.type.type_url, cluster.body)


def test_a_filter_shows_the_certificate_of_its_envoys_service(read: Read) -> None:
    found = clusters_of(read, "shop", "pattern: mtls, on: auth, mode: strict")
    assert list(found["shop-v2"]) == ["auth", "auth/v2", "local:shop-v2"]
    assert "certificate:shop-v2" in json.dumps(rendered(found["shop-v2"]["auth"]))


def test_a_filter_asks_with_the_settings_that_its_service_calls_with(read: Read) -> None:
    limit = "pattern: circuit_breaker, on: auth, max_requests: 7"
    by_nobody = clusters_of(read, "web -> shop", limit)["web"]["auth"]
    assert "circuit_breakers" not in rendered(by_nobody)
    by_client = clusters_of(read, "client -> shop", limit)["ingress"]["auth"]
    assert "circuit_breakers" in rendered(by_client)


def test_one_envoy_asks_in_one_way_under_one_name(refusal: Refusal) -> None:
    mesh = CALLING.replace("PLANE", "node").replace("ON", "'*'")
    told = refusal(f"{mesh}- {{pattern: mtls, on: auth, mode: strict}}\n")
    assert told == (
        "8:3: 'web' and 'shop' call 'auth' from one Envoy, "
        "with other settings or another certificate"
    )
