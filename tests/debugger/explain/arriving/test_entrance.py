"""Where a request that was not sent would come in."""

from __future__ import annotations

from typing import Any

import pytest

from debugger.explain.arriving.entrance import EntranceError, entrance
from mesh_traffic import Headers, Request

SERVICE = {"url": "http://127.0.0.1:7", "ingress": None, "dataplane": "sidecar"}
STATE: dict[str, Any] = {
    "ingress": "http://127.0.0.1:8",
    "envoys": dict.fromkeys(("shop", "api-v1", "api-v2", "ingress")),
    "services": {
        "shop": {
            **SERVICE,
            "ingress": "http://127.0.0.1:8",
            "versions": {"": {"id": "shop", "inbound": "127.0.0.1:1"}},
        },
        "api": {
            **SERVICE,
            "versions": {
                "v1": {"id": "api-v1", "inbound": "127.0.0.1:2"},
                "v2": {"id": "api-v2", "inbound": "127.0.0.1:3"},
            },
        },
        "calls": {
            **SERVICE,
            "dataplane": "grpc",
            "versions": {"": {"id": "calls", "inbound": "127.0.0.1:4"}},
        },
    },
}


@pytest.mark.parametrize(
    ("at", "to", "expected"),
    [
        ("shop", "api", ("shop", "outbound", "shop", None, "api")),
        ("shop", None, ("shop", "inbound", "shop", 1, "shop")),
        ("api", None, ("api-v1", "inbound", "api-v1", 2, "api")),
        ("api/v2", None, ("api-v2", "inbound", "api-v2", 3, "api")),
        ("calls", "api", ("calls", "outbound", "calls", None, "api")),
        ("ingress", None, ("ingress", "ingress", "", 8, "127.0.0.1:8")),
        ("ingress", "shop", ("ingress", "ingress", "", 8, "127.0.0.1:8")),
        ("client", "api", ("ingress", "outbound", "client", 7, "127.0.0.1:7")),
    ],
)
def test_it_comes_in_there(at: str, to: str | None, expected: tuple[Any, ...]) -> None:
    found = entrance(STATE, at, to)
    assert (found.node, found.direction, found.owner, found.port, found.authority) == expected


def test_one_envoy_for_all_is_everybody_s() -> None:
    state = {**STATE, "envoys": {"node": None}}
    assert entrance(state, "api").node == entrance(state, "ingress").node == "node"


@pytest.mark.parametrize(
    ("at", "to", "message"),
    [
        ("shp", None, "--at: no service 'shp'; did you mean 'shop'?"),
        ("shop", "appi", "--to: no service 'appi'; did you mean 'api'?"),
        ("api/v3", None, "--at: api has no version 'v3'; there is 'v1', 'v2'"),
        ("client", None, "--at client needs --to"),
        ("ingress", "api", "--at ingress: api is not reached from there"),
    ],
)
def test_where_nobody_comes_in_is_said(at: str, to: str | None, message: str) -> None:
    with pytest.raises(EntranceError) as refused:
        entrance(STATE, at, to)
    assert message in str(refused.value)


def test_a_host_header_is_the_authority() -> None:
    given = Request(headers=Headers.of({"host": "other", "x": "1"}))
    asked = entrance(STATE, "shop", "api").asked(given)
    assert asked.request.authority == "other"
    assert asked.request.headers.fields == (("x", "1"),)
    assert entrance(STATE, "shop", "api").asked(Request()).request.authority == "api"
