"""Routes of routers, and of gateways."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.app_mesh.conftest import (
    SHOP,
    Made,
    Patterns,
    gateway_route,
    route,
)

Said = Callable[..., list[str]]


def ms(value: int) -> Made:
    return {"unit": "ms", "value": value}


def test_the_lower_priority_goes_first_and_then_the_longer_path(made: Patterns) -> None:
    (found,) = made(
        *SHOP,
        route("api", "a", match={"prefix": "/"}, to={"api-v1": 1}),
        route("api", "b", match={"prefix": "/long"}, to={"api-v1": 1}),
        route("api", "c", priority=7, match={"path": {"exact": "/c"}}, to={"api-v2": 1}),
        route("api", "d", priority=3, match={"prefix": "/d", "method": "GET"}, to={"api-v2": 1}),
    )
    assert [rule.get("match") for rule in found["rules"]] == [
        {"path": {"prefix": "/d"}, "method": "GET"},
        {"path": {"exact": "/c"}},
        {"path": {"prefix": "/long"}},
        None,
    ]
    assert found["otherwise"] == "not_found"


def test_headers_and_parameters_are_matched_as_they_say(made: Patterns) -> None:
    match = {
        "prefix": "/", "scheme": "https",
        "headers": [
            {"name": "A", "match": {"suffix": "x"}, "invert": True}, {"name": "b"},
            {"name": "c", "invert": True},
        ],
        "queryParameters": [{"name": "q", "match": {"exact": "1"}}],
    }  # fmt: skip
    (found,) = made(*SHOP, route("api", "a", match=match, to={"api-v1": 1}))
    assert found["rules"][0]["match"] == {
        "scheme": "https", "query": {"q": {"exact": "1"}},
        "headers": {
            "a": {"suffix": "x", "invert": True}, "b": {"present": True}, "c": {"present": False},
        },
    }  # fmt: skip


def test_a_range_is_refused_as_the_route_would_hold_too_often(made: Patterns) -> None:
    match = {"headers": [{"name": "a", "match": {"range": {"start": 1, "end": 2}}}]}
    with pytest.raises(DocumentError, match="a range of numbers can't be matched here"):
        made(*SHOP, route("api", "a", match=match, to={"api-v1": 1}))


def test_retries_and_times_are_those_of_the_route(made: Patterns) -> None:
    policy = {
        "maxRetries": 3, "perRetryTimeout": ms(100),
        "httpRetryEvents": ["server-error", "client-error", "stream-error"],
        "tcpRetryEvents": ["connection-error"],
    }  # fmt: skip
    found = made(
        *SHOP,
        route("api", "a", to={"api-v1": 9, "api-v2": 1}, retryPolicy=policy,
              timeout={"perRequest": {"unit": "s", "value": 2}}),
    )  # fmt: skip
    assert found[0]["rules"] == [
        {
            "to": {"api/v1": 9, "api/v2": 1}, "timeout": "2s",
            "retries": {
                "attempts": 3, "per_try_timeout": "100ms",
                "retry_on": ["5xx", "retriable-4xx", "refused-stream", "connect-failure"],
            },
        }
    ]  # fmt: skip


def test_a_grpc_route_is_of_a_service_or_a_method(made: Patterns) -> None:
    match = {"serviceName": "s.S", "methodName": "M", "metadata": [{"name": "a"}]}
    (found,) = made(*SHOP, route("api", "a", "grpcRoute", match=match, to={"api-v1": 1}))
    assert found["rules"][0]["match"] == {
        "path": {"exact": "/s.S/M"}, "headers": {"a": {"present": True}}
    }  # fmt: skip


def test_a_node_that_is_not_there_is_told_and_a_route_to_none_refused(
    made: Patterns, said: Said
) -> None:
    lines = said(*SHOP, route("api", "a", to={"api-v1": 1, "gone": 1}))
    assert "no file has the VirtualNode 'gone' of Route 'a'" in lines
    with pytest.raises(DocumentError, match="leads to no virtual node that is here"):
        made(*SHOP, route("api", "a", to={"gone": 1}))


def test_a_gateway_route_takes_its_prefix_away_and_its_services_routes_hold(
    made: Patterns, said: Said
) -> None:
    documents = (
        *SHOP,
        route("api", "a", priority=1, to={"api-v2": 1},
              match={"prefix": "/", "headers": [{"name": "x", "match": {"exact": "1"}}]}),
        route("api", "b", priority=2, to={"api-v1": 1}),
        route("api", "c", priority=3, match={"prefix": "/p"}, to={"api-v1": 1}),
        gateway_route("g", {"prefix": "/api", "hostname": {"suffix": ".shop.example"}},
                      "api.demo.local"),
    )  # fmt: skip
    found = [each for each in made(*documents) if each["on"].startswith("ingress")]
    rewrite = {"host": "api.demo.local", "regex": "^/api/?(.*)$", "substitution": "/\\1"}
    path = {"prefix": "/api"}
    assert found[0]["rules"] == [
        {"match": {"path": path, "headers": {"x": {"exact": "1"}}}, "to": {"api/v2": 1},
         "rewrite": rewrite},
        {"match": {"path": path}, "to": {"api/v1": 1}, "rewrite": rewrite},
    ]  # fmt: skip
    assert any("a route behind a gateway route that asks for a path" in x for x in said(*documents))


def test_rewrites_can_be_turned_off_or_be_others(made: Patterns) -> None:
    off = {
        "prefix": {"defaultPrefix": "DISABLED"}, "hostname": {"defaultTargetHostname": "DISABLED"}
    }  # fmt: skip
    found = made(
        *SHOP,
        gateway_route("a", {"prefix": "/a"}, "web.demo.local", rewrite=off),
        gateway_route("b", {"path": {"exact": "/b"}}, "web.demo.local",
                      rewrite={"path": {"exact": "/c"}, "hostname": off["hostname"]}),
    )  # fmt: skip
    rules = next(each["rules"] for each in found if each["on"] == "ingress -> web")
    assert rules[0]["rewrite"] == {"regex": "^.*$", "substitution": "/c"}
    assert "rewrite" not in rules[1]
