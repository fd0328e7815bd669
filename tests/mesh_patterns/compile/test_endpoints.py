from __future__ import annotations

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.compile.endpoints import Endpoints
from mesh_patterns.draft import Draft
from mesh_patterns.placement import Placement, inbound, workload
from tests.mesh_patterns.conftest import Read
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

MESH = """\
mesh:
  dataplane: PLANE
  services:
    page: {calls: [web, own], ingress: true}
    web: {versions: {v1: , v2: }, ingress: 8080}
    own: {calls: [web]}
    api: {protocol: grpc}
    rpc: {protocol: grpc, dataplane: grpc, calls: [api, other]}
    other: {protocol: grpc, dataplane: grpc, versions: {v1: , v2: }}
patterns:
- {pattern: canary, on: page -> web, weights: {v1: 90, v2: 10}}
- {pattern: mirror, on: page -> own, to: api}
- {pattern: circuit_breaker, on: page -> own, max_requests: 3}
- {pattern: mtls, on: own, mode: strict}
- {pattern: fault, on: web, abort: {status: 503, percent: 10}}
- {pattern: wasm, on: api, file: "meshloom:header_policy", calls: [own, web/v2]}
"""


def elsewhere(draft: Draft, before: Placement, *services: str) -> Placement:
    """``before``, but the instances of ``services`` are at other ports."""
    keys = {
        key(instance)
        for service in services
        for instance in draft.mesh.services[service].instances()
        for key in (inbound, workload)
    }
    return Placement(
        {key: port + (1000 if key in keys else 0) for key, port in before.ports.items()}
    )


def told(snapshots: dict[str, Snapshot]) -> dict[str, list[tuple[object, ...]]]:
    """All that is served, and where it comes from."""
    return {
        node: [(each, dict(each.origins), snapshot.version(each.type)) for each in snapshot]
        for node, snapshot in snapshots.items()
    }


@pytest.mark.parametrize("plane", ["sidecar", "node"])
@pytest.mark.parametrize(
    "services", [("web",), ("own",), ("api", "page"), ("rpc",), ("other",), ()], ids=str
)
def test_what_moved_is_told_as_if_all_were_compiled_again(
    read: Read, plane: str, services: tuple[str, ...]
) -> None:
    draft = read(MESH.replace("PLANE", plane))
    before = Placement.imagined(draft.mesh)
    snapshots = compile_mesh(draft, before)
    after = elsewhere(draft, before, *services)
    moved = Endpoints(draft).moved(snapshots, services, after)
    assert told(moved) == told(compile_mesh(draft, after))


def test_what_did_not_move_is_what_it_was(read: Read) -> None:
    draft = read(MESH.replace("PLANE", "sidecar"))
    before = Placement.imagined(draft.mesh)
    snapshots = compile_mesh(draft, before)
    moved = Endpoints(draft).moved(snapshots, ["api"], elsewhere(draft, before, "api"))
    changed = {
        node: [each.name for each in snapshot if each not in set(snapshots[node])]
        for node, snapshot in moved.items()
        if snapshot is not snapshots[node]
    }
    assert changed == {
        "page": ["api"],
        "api": ["local:api", "inbound-api"],
        "rpc": ["api"],
        "ingress": ["api"],
    }
    kind = ResourceType.ENDPOINT
    assert moved["page"].resources(kind)["web"] is snapshots["page"].resources(kind)["web"]
