from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import (
    BACKEND,
    bootstrap,
    cluster,
    host,
    listener,
    manager,
    of_routes,
    refusal,
)

ALL: dict[str, Any] = {"match": {"prefix": "/"}}


def to(**action: Any) -> dict[str, Any]:
    return {**ALL, "route": {"cluster": "backend", **action}}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"timeout": "2.5s"}, {"timeout": "2.5s"}),
        ({"prefix_rewrite": "/v2/"}, {"rewrite": {"path": "/v2/"}}),
        ({"host_rewrite_literal": "b.test"}, {"rewrite": {"host": "b.test"}}),
        (
            {"regex_rewrite": {"pattern": {"regex": "^/(a)"}, "substitution": r"/\1"}},
            {"rewrite": {"regex": "^/(a)", "substitution": r"/\1"}},
        ),
        ({"priority": "high"}, {"priority": "high"}),
        (
            {"request_mirror_policies": [{"cluster": "other"}]},
            {"mirror": [{"to": "other", "percent": 100.0}]},
        ),
        (
            {"retry_policy": {"retry_on": "5xx, made-up", "retriable_status_codes": [409]}},
            {"retries": {"attempts": 1, "retry_on": ["5xx", 409]}},
        ),
        ({"retry_policy": {"num_retries": 3}}, {}),  # without retry_on Envoy never retries
    ],
)
def test_an_action_is_settings_of_a_rule(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert of_routes(to(**theirs)).rules == [{"to": {"backend": 100}, **ours}]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            {"redirect": {"https_redirect": True}},
            {"redirect": {"status": 301, "scheme": "https"}},
        ),
        (
            {"redirect": {"host_redirect": "b", "response_code": "PERMANENT_REDIRECT"}},
            {"redirect": {"status": 308, "host": "b"}},
        ),
        (
            {"direct_response": {"status": "503", "body": {"inline_string": "no"}}},
            {"respond": {"status": 503, "body": "no"}},
        ),
    ],
)
def test_who_answers_himself_says_what(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert of_routes({**ALL, **theirs}).rules == [ours]


def test_weights_are_of_services_and_add_up() -> None:
    shares = [
        {"name": "backend", "weight": 10},
        {"name": "other", "weight": 80, "request_headers_to_remove": ["x-a"]},
        {"name": "backend", "weight": 10},
    ]
    (rule,) = of_routes({**ALL, "route": {"weighted_clusters": {"clusters": shares}}}).rules
    assert rule["to"] == {
        "backend": 20,
        "other": {"weight": 80, "headers": {"request": {"remove": ["x-a"]}}},
    }


@pytest.mark.parametrize(
    ("route", "what"),
    [
        ({"route": {"cluster_header": "x-to"}}, "it goes to neither a cluster nor weighted"),
        ({"filter_action": {}}, "it neither routes nor redirects nor answers"),
        ({"redirect": {}}, "a redirect to where it came from"),
        ({"direct_response": {"status": 100}}, "an answer with status 100"),
    ],
)
def test_what_we_can_not_do_is_left_out(route: dict[str, Any], what: str) -> None:
    found = of_routes({**ALL, "name": "mine", **route})
    (note,) = [each for each in found.notes if what in each]
    assert note.startswith("route 'mine' of virtual host 'all' is left out: ")


def test_a_field_that_says_something_unknown_is_told() -> None:
    found = of_routes(to(idle_timeout="5s", max_stream_duration={}))
    assert "not imported yet: route.idle_timeout (route 1 of virtual host 'all')" in found.notes
    assert not [each for each in found.notes if "max_stream_duration" in each]  # it says nothing


def test_a_route_without_a_timeout_has_envoys() -> None:
    found = of_routes(to())
    assert found.patterns("timeout") == [{"on": "ingress -> backend", "after": "15s"}]
    assert of_routes(to(timeout="1s")).patterns("timeout") == []


def test_the_host_of_a_name_is_its_own_if_it_is_asked_for() -> None:
    there = cluster("backend", "api.example.com:80")
    (rule,) = of_routes(to(auto_host_rewrite=True), clusters=[there]).rules
    assert rule["rewrite"] == {"host": "api.example.com"}


def test_what_a_hash_policy_says_is_the_clusters_affair() -> None:
    ring = cluster("backend", "10.0.0.1:80", lb_policy="RING_HASH")
    keys = [
        {"header": {"header_name": "x-user"}, "terminal": True},
        {"cookie": {"name": "c", "ttl": "60s", "path": "/"}},
        {"query_parameter": {"name": "q"}},
        {"connection_properties": {"source_ip": True}},
    ]
    found = of_routes(to(hash_policy=keys), clusters=[ring])
    (balance,) = found.patterns("load_balancing")
    assert balance["hash"] == [
        {"header": "x-user"},
        {"cookie": "c", "ttl": "60s", "path": "/"},
        {"query": "q"},
        {"source_ip": True},
    ]


def test_a_cluster_that_is_not_there_is_an_error_with_the_nearest() -> None:
    route = {**ALL, "route": {"cluster": "bakend"}}
    told = refusal(bootstrap([listener(8080, manager([host(route)]))], [BACKEND]))
    assert told == "no cluster 'bakend'; did you mean 'backend'?"
