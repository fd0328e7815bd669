from __future__ import annotations

from typing import Any

import pytest

from tests.mesh_patterns.importers.envoy.bootstraps import (
    BACKEND,
    bootstrap,
    host,
    imported,
    listener,
    manager,
    refusal,
)  # fmt: skip

TO_IT = {"match": {"prefix": "/"}, "route": {"cluster": "backend"}}
HTTP = manager([host(TO_IT)])
GOOD = listener(8080, HTTP)


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"use_original_dst": True}, "use_original_dst"),
        ({"listener_filters": [{"name": "envoy.filters.listener.original_dst"}]}, "filter"),
    ],
)
def test_what_only_iptables_bring_is_refused(more: dict[str, Any], at: str) -> None:
    told = refusal(bootstrap([{**GOOD, **more}], [BACKEND]))
    assert told == (
        "listener 'main' takes what was headed elsewhere (original_dst), which takes iptables; "
        "here each service has a port"
    )


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"address": {"pipe": {"path": "/a"}}}, "it has no port"),
        ({"internal_listener": {}, "address": None}, "it has no port"),
        ({"udp_listener_config": {"quic_options": {}}}, "it takes UDP"),
        ({"bind_to_port": False}, "it binds to no port"),
    ],
)
def test_a_listener_that_nobody_can_reach_is_left_out(bad: dict[str, Any], why: str) -> None:
    other = {**listener(8081, HTTP, name="other"), **bad}
    found = imported(bootstrap([GOOD, other], [BACKEND]))
    assert f"listener 'other' is left out: {why}" in found.notes
    assert [each["on"] for each in found.patterns("route")] == ["ingress -> backend"]


def test_a_bootstrap_without_an_entrance_is_refused() -> None:
    for made in (bootstrap([], [BACKEND]), {"dynamic_resources": {"ads_config": {}}}):
        told = refusal(made)
        assert (
            told == "has no listener that could be an entrance; expected static_resources with one"
        )


def test_a_chain_for_a_name_has_it_as_its_host() -> None:
    entrance = listener(8443, HTTP, filter_chain_match={"server_names": ["A.test", "b.test"]})
    found = imported(bootstrap([entrance], [BACKEND]))
    assert found.services["backend"]["ingress"]["hosts"] == ["a.test", "b.test"]


def test_plaintext_at_a_port_of_tls_is_told() -> None:
    entrance = listener(8443, HTTP, filter_chain_match={"transport_protocol": "tls"})
    plain = {"filters": [HTTP], "filter_chain_match": {"transport_protocol": "raw_buffer"}}
    entrance["filter_chains"].append(plain)
    found = imported(bootstrap([entrance], [BACKEND]))
    assert "plaintext at a port that speaks TLS (listener 'main')" in found.notes


def test_network_filters_before_the_last_are_told() -> None:
    entrance = listener(8080, HTTP)
    entrance["filter_chains"][0]["filters"].insert(0, {"name": "envoy.filters.network.rbac"})
    found = imported(bootstrap([entrance], [BACKEND]))
    assert "network filter 'envoy.filters.network.rbac' (listener 'main')" in found.notes


def test_a_file_of_an_old_version_is_read_by_the_last_words_of_its_types() -> None:
    old = manager([host(TO_IT)])
    old["name"] = "envoy.http_connection_manager"
    old["typed_config"]["@type"] = (
        "type.googleapis.com/envoy.config.filter.network.http_connection_manager.v2."
        "HttpConnectionManager"
    )
    assert imported(bootstrap([listener(8080, old)], [BACKEND])).rules
