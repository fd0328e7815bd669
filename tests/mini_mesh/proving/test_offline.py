"""Services under wasmtime: their filters, the echo behind them, and whom filters ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.load import load
from mesh_traffic import Headers, Request, Response
from mini_mesh.proving.offline import Offline
from wasm_filters.services.upstream import answer_of

MARKED = """
mesh:
  services:
    web: {calls: [shop]}
    shop: {versions: {v1: , v2: }}
    own: {run: "sleep 9"}
    rpc: {protocol: grpc}
patterns:
  - {pattern: wasm, on: shop/v2, file: "meshloom:header_policy",
     configuration: {request: {set: {x-seen: v2}}}}
  - {pattern: wasm, on: own, file: "meshloom:header_policy",
     configuration: {response: {set: {x-filter: "1"}}}}
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


def draft(folder: Path, text: str) -> Draft:
    file = folder / "mesh.yaml"
    file.write_text(text)
    return load([file])


def answered(offline: Offline, request: Request, to: str = "shop") -> Response:
    way = offline.way("client", to)
    assert way is not None
    response = answer_of(way, request).response
    assert response is not None
    return response


def asking(
    folder: Path, asked: str = "[auth]", called: str = "[]", cluster: str = "auth", auth: str = ""
) -> Offline:
    told = {"ASKED": asked, "CALLED": called, "CLUSTER": cluster, "AUTH": auth}
    text = ASKED
    for name, value in told.items():
        text = text.replace(name, value)
    return Offline(draft(folder, text))


def test_behind_a_filter_answers_the_echo(tmp_path: Path) -> None:
    fields = Headers.of({"x-a": "1"})
    response = answered(
        Offline(draft(tmp_path, MARKED)), Request("GET", "/a?b", "shop", headers=fields)
    )
    assert json.loads(response.body.data) == {
        "service": "shop",
        "version": "v2",
        "method": "GET",
        "path": "/a?b",
        "headers": [
            ["host", "shop"],
            ["x-a", "1"],
            ["x-forwarded-proto", "http"],
            ["x-seen", "v2"],
        ],
        "body": {"length": 0},
        "calls": [],
    }
    assert response.headers.get("x-meshloom-version") == "v2"


@pytest.mark.parametrize("service", ["own", "rpc"])
def test_an_empty_answer_stands_for_what_can_not_run_here(tmp_path: Path, service: str) -> None:
    response = answered(Offline(draft(tmp_path, MARKED)), Request(), service)
    assert (response.status, response.body.data) == (200, b"")


def test_a_way_without_filters_is_none(tmp_path: Path) -> None:
    assert Offline(draft(tmp_path, MARKED)).way("client", "web") is None


def test_a_filter_asks_a_service_through_its_filters(tmp_path: Path) -> None:
    offline = asking(tmp_path)
    assert '["x-user", "ann"]' in answered(offline, Request(path="/yes")).body.text
    assert answered(offline, Request(path="/no")).status == 401
    assert offline.unable == ""


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
    tmp_path: Path, asked: str, called: str, cluster: str, status: int
) -> None:
    offline = asking(tmp_path, asked, called, cluster, "versions: {v1: , v2: }")
    assert answered(offline, Request()).status == status
    assert offline.unable == ""


@pytest.mark.parametrize(
    ("asked", "auth", "why"),
    [
        (
            "auth",
            "run: sleep 9",
            "auth runs a program of its own, or gRPC, which only the mesh does",
        ),
        ("rpc", "", "rpc runs a program of its own, or gRPC, which only the mesh does"),
        ("shop", "", "shop is asked while it asks, which is possible in the mesh only"),
    ],
)
def test_who_can_not_be_asked_here_is_named(
    tmp_path: Path, asked: str, auth: str, why: str
) -> None:
    offline = asking(tmp_path, f"[{asked}]", cluster=asked, auth=auth)
    assert answered(offline, Request()).status == 503
    assert offline.unable == why


def test_whose_filters_do_not_start_is_named(tmp_path: Path) -> None:
    text = ASKED.replace("status: 401", "status: many").replace("CALLED", "[]")
    text = text.replace("ASKED", "[auth]").replace("CLUSTER", "auth").replace("AUTH", "")
    offline = Offline(draft(tmp_path, text))
    assert answered(offline, Request()).status == 503
    assert offline.unable.startswith("auth: ")
