from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import (
    BACKEND,
    FILTERS,
    OTHER,
    bootstrap,
    cluster,
    host,
    http_filter,
    imported,
    listener,
    manager,
    of_filters,
)

ON = {"on": "ingress -> backend"}
LUA = http_filter("lua.v3.Lua", default_source_code={"inline_string": "x = 1"})


@pytest.mark.parametrize(
    ("filter_", "kind", "ours"),
    [
        (LUA, "lua", {"code": "x = 1"}),
        (http_filter("lua.v3.Lua", inline_code="x = 2"), "lua", {"code": "x = 2"}),
        (
            http_filter(
                "compressor.v3.Compressor",
                compressor_library={
                    "name": "gzip",
                    "typed_config": {
                        "@type": "type.googleapis.com/"
                        "envoy.extensions.compression.gzip.compressor.v3.Gzip"
                    },
                },
                response_direction_config={"common_config": {"min_content_length": 100}},
            ),
            "compression",
            {"codec": "gzip", "min_bytes": 100},
        ),
    ],
)
def test_a_filter_is_of_our_kind(filter_: Any, kind: str, ours: dict[str, Any]) -> None:
    assert of_filters(filter_).patterns(kind) == [{**ON, **ours}]


def test_any_other_is_taken_as_it_is() -> None:
    found = of_filters(http_filter("buffer.v3.Buffer", max_request_bytes=1000))
    config = {"@type": f"{FILTERS}buffer.v3.Buffer", "max_request_bytes": 1000}
    assert found.patterns("envoy_filter") == [{**ON, "config": config}]


def test_whom_it_asks_is_called_as_here_and_has_no_settings() -> None:
    asks = http_filter(
        "ext_authz.v3.ExtAuthz",
        http_service={"server_uri": {"uri": "http://a", "cluster": "auth/n", "timeout": "1s"}},
    )
    route = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}
    asked = cluster("auth/n", "10.0.0.3:80", connect_timeout="1s")
    found = imported(bootstrap([listener(8080, manager([host(route)], [asks]))], [BACKEND, asked]))
    (made,) = found.patterns("envoy_filter")
    assert made["config"]["http_service"]["server_uri"]["cluster"] == "auth-n"
    assert found.patterns("connection_pool") == []
    told = "connection_pool: a filter asks this cluster by its name (cluster 'auth/n')"
    assert told in found.notes


def test_an_authorization_service_speaks_grpc() -> None:
    asks = http_filter(
        "ext_authz.v3.ExtAuthz",
        grpc_service={"envoy_grpc": {"cluster_name": "other"}, "timeout": "0.25s"},
        failure_mode_allow=True,
        transport_api_version="V3",
    )
    found = of_filters(asks)
    assert found.patterns("ext_authz") == [
        {**ON, "service": "other", "timeout": "0.25s", "on_failure": "allow"}
    ]
    assert found.services["other"]["protocol"] == "grpc"


@pytest.mark.parametrize(
    ("filter_", "told"),
    [
        ({"name": "envoy.grpc_web"}, "filter 'envoy.grpc_web', which has no typed_config"),
        (
            {**LUA, "disabled": True},
            "filter 'envoy.filters.http.lua', which is disabled until a route asks for it",
        ),
        (http_filter("made_up.v3.Thing"), "Envoy has no message of that type"),
        (http_filter("buffer.v3.Buffer", maximum=1), "can't be read"),
        (
            {"name": "x", "typed_config": {"@type": "type.googleapis.com/google.protobuf.Empty"}},
            "is none of Envoy's HTTP filters",
        ),
    ],
)
def test_what_can_not_be_taken_is_told(filter_: Any, told: str) -> None:
    found = of_filters(filter_)
    assert [each["pattern"] for each in found.tree["patterns"]] == ["route", "timeout"]
    assert [each for each in found.notes if told in each]


def test_an_order_that_is_not_ours_is_told() -> None:
    fault = http_filter("fault.v3.HTTPFault", delay={
        "fixed_delay": "1s", "percentage": {"numerator": 10}})  # fmt: skip
    told = "http_filters run in another order: fault → lua (listener 'main')"
    assert told in of_filters(LUA, fault).notes
    assert told not in of_filters(fault, LUA).notes


def test_a_typed_struct_is_what_it_stands_for() -> None:
    struct = {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        "type_url": f"{FILTERS}lua.v3.Lua",
        "value": {"inline_code": "x = 3"},
    }
    found = of_filters({"name": "lua", "typed_config": struct})
    assert found.patterns("lua") == [{**ON, "code": "x = 3"}]
    assert OTHER["name"] not in found.services
