"""Services without Envoys: their filters, the workload behind them, and whom filters ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.load import load
from mesh_traffic import Headers, Request, Response
from mini_mesh.proving.bare import BareMesh
from tests.mini_mesh.proving.conftest import Placed
from wasm_filters.services.upstream import answer_of

MARKED = """
mesh:
  services:
    web: {calls: [shop]}
    shop: {versions: {v1: , v2: }}
    rpc: {protocol: grpc}
patterns:
  - {pattern: wasm, on: shop/v2, file: "meshloom:header_policy",
     configuration: {request: {set: {x-seen: v2}}}}
  - {pattern: wasm, on: rpc, file: "meshloom:header_policy", configuration: {}}
"""
ASKED = """
mesh:
  services:
    shop: {calls: CALLED}
    auth: {AUTH}
    rpc: {protocol: grpc}
patterns:
  - pattern: wasm
    on: shop
    file: meshloom:async_auth
    calls: ASKED
    configuration: {cluster: CLUSTER, copy: [x-user]}
  - pattern: wasm
    on: auth
    file: meshloom:header_policy
    configuration: {response: {set: {x-user: ann}}, deny: [{path: /no, status: 401}]}
"""


Bare = Callable[[str], BareMesh]


@pytest.fixture
def bare(tmp_path: Path, placed: Placed) -> Bare:
    """The mesh of a text."""

    def bare(text: str) -> BareMesh:
        file = tmp_path / "mesh.yaml"
        file.write_text(text)
        draft = load([file])
        return BareMesh(draft, placed(draft))

    return bare


def answered(mesh: BareMesh, request: Request, to: str = "shop") -> Response:
    way = mesh.way("client", to)
    assert way is not None
    response = answer_of(way, request).response
    assert response is not None
    return response


def asking(asked: str = "[auth]", called: str = "[]", cluster: str = "auth", auth: str = "") -> str:
    told = {"ASKED": asked, "CALLED": called, "CLUSTER": cluster, "AUTH": auth}
    text = ASKED
    for name, value in told.items():
        text = text.replace(name, value)
    return text


def test_behind_a_versions_filter_answers_its_workload(bare: Bare) -> None:
    request = Request("GET", "/a?b", "shop", headers=Headers.of({"x-a": "1"}))
    response = answered(bare(MARKED), request)
    seen = [["host", "shop"], ["x-a", "1"], ["x-forwarded-proto", "http"], ["x-seen", "v2"]]
    assert json.loads(response.body.data) == {"path": "/a?b", "headers": seen}


def test_a_workload_that_speaks_grpc_is_not_asked(bare: Bare) -> None:
    response = answered(bare(MARKED), Request(), "rpc")
    assert (response.status, response.body.data) == (200, b"")


def test_a_way_without_filters_is_none(bare: Bare) -> None:
    assert bare(MARKED).way("client", "web") is None


def test_a_filter_asks_a_service_through_its_filters(bare: Bare) -> None:
    mesh = bare(asking())
    assert '["x-user", "ann"]' in answered(mesh, Request(path="/yes")).body.text
    refused = answered(mesh, Request(path="/no"))
    assert (refused.status, refused.body.data) == (401, b"denied by header_policy\n")
    assert mesh.unable == ""


def test_a_filter_asks_the_workload_itself(bare: Bare) -> None:
    refused = answered(bare(asking()), Request(path="/deny"))
    assert refused.status == 401
    assert json.loads(refused.body.data)["path"] == "/deny"


@pytest.mark.parametrize(
    ("asked", "called", "cluster", "status"),
    [
        ("[auth]", "[]", "auth", 200),
        ("[]", "[auth]", "auth", 200),
        ("[]", "[]", "auth", 503),
        ("[]", "[]", "shop", 503),
        ("[auth/v1]", "[]", "auth/v1", 200),
        ("[auth/v1]", "[]", "auth", 503),
    ],
)
def test_a_filter_finds_the_clusters_that_its_envoy_has(
    bare: Bare, asked: str, called: str, cluster: str, status: int
) -> None:
    mesh = bare(asking(asked, called, cluster, "versions: {v1: , v2: }"))
    assert answered(mesh, Request()).status == status
    assert mesh.unable == ""


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("rpc", "rpc speaks gRPC, which is possible in the mesh only"),
        ("shop", "shop is asked while it asks, which is possible in the mesh only"),
    ],
)
def test_who_can_not_be_asked_here_is_named(bare: Bare, asked: str, why: str) -> None:
    mesh = bare(asking(f"[{asked}]", cluster=asked))
    assert answered(mesh, Request()).status == 503
    assert mesh.unable == why


def test_whose_filters_do_not_start_is_named(bare: Bare) -> None:
    mesh = bare(asking().replace("status: 401", "status: many"))
    assert answered(mesh, Request()).status == 503
    assert mesh.unable.startswith("auth: ")
