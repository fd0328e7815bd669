from __future__ import annotations

from mesh_patterns.compile import compile_mesh
from mesh_patterns.compile.clusters import targets
from mesh_patterns.placement import Placement
from tests.mesh_patterns.conftest import Read
from xds_server.resource import ResourceType

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
