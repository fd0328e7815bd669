from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import (
    BACKEND,
    Imported,
    bootstrap,
    host,
    http_filter,
    imported,
    listener,
    manager,
    refusal,
)  # fmt: skip

TO_IT = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}
LUA = http_filter("lua.v3.Lua", default_source_code={"inline_string": "x = 1"})


def of(network: dict[str, Any]) -> Imported:
    return imported(bootstrap([listener(8080, network)], [BACKEND]))


@pytest.mark.parametrize(
    ("domains", "hosts"),
    [
        (["*"], ["*"]),
        (["A.test", "a.test:8080", "a.test:*"], ["a.test"]),
        (["a.test:8080"], ["a.test:8080"]),  # and no other port
        (["*.a.test", "a.*"], ["*.a.test", "a.*"]),
    ],
)
def test_domains_are_hosts(domains: list[str], hosts: list[str]) -> None:
    found = of(manager([host(TO_IT, domains=domains)]))
    assert found.services["backend"]["ingress"]["hosts"] == hosts


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ({"rds": {"route_config_name": "a"}}, "a control plane"),
        ({}, "nowhere in the file"),
    ],
)
def test_routes_that_are_not_there_leave_the_listener_out(field: Any, why: str) -> None:
    network = manager([])
    del network["typed_config"]["route_config"]
    network["typed_config"] |= field
    other = listener(8081, manager([host(TO_IT)]), name="other")
    found = imported(bootstrap([listener(8080, network), other], [BACKEND]))
    assert f"listener 'main' is left out: its routes come from {why}" in found.notes
    with_nothing_else = refusal(bootstrap([listener(8080, network)], [BACKEND]))
    assert with_nothing_else.startswith("has no listener that could be an entrance")


def test_a_manager_without_hosts_finds_nothing() -> None:
    assert of(manager([])).rules == [{"respond": {"status": 404}}]


def test_plaintext_where_tls_is_required_is_sent_there() -> None:
    found = of(manager([host(TO_IT, require_tls="ALL")]))
    assert found.rules == [{"redirect": {"scheme": "https"}}]


def test_filters_see_what_no_route_is_about() -> None:
    """A filter of an edge works in the edge's routes only, Envoy's for all of a listener."""
    narrow = {"match": {"path": "/a"}, "route": {"cluster": "backend"}}
    without = of(manager([host(narrow, domains=["a.test"])]))
    assert [rule.get("respond") for rule in without.rules] == [None]
    found = of(manager([host(narrow, domains=["a.test"])], [LUA]))
    assert [(rule.get("respond"), rule["hosts"]) for rule in found.rules] == [
        (None, ["a.test"]),
        ({"status": 404}, ["a.test"]),
        ({"status": 404}, ["*"]),
    ]


def test_fields_that_say_something_are_told() -> None:
    found = of(manager([host(TO_IT)], stream_idle_timeout="5s", codec_type="AUTO"))
    assert "not imported yet: stream_idle_timeout (listener 'main')" in found.notes
    assert not [each for each in found.notes if "codec_type" in each]
