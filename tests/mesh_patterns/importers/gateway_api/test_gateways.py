from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import GATEWAY, route, to

Told = Callable[[Draft], list[str]]
ROUTE = route(f"- backendRefs: [{to('one')}]", meta=", namespace: shop")
POD = "{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: shop}}"


@pytest.mark.parametrize(
    ("allowed", "reached"),
    [
        ("{}", False),
        ("{namespaces: {from: Same}}", False),
        ("{namespaces: {from: All}}", True),
        ("{namespaces: {from: Selector, selector: {matchLabels: {a: b}}}}", True),
        ("{namespaces: {from: All}, kinds: [{kind: GRPCRoute}]}", False),
        ("{namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}", True),
    ],
)
def test_a_listener_takes_the_routes_that_it_allows(
    imported: Callable[..., Draft], allowed: str, reached: bool
) -> None:
    gateway = GATEWAY.replace("port: 80", f"port: 80, allowedRoutes: {allowed}")
    there = ROUTE.replace("{name: edge}", "{name: edge, namespace: default}")
    draft = imported(gateway, there, POD)
    assert (draft.mesh.services["one"].ingress is not None) == reached


def test_what_a_listener_is_not_here_is_told(imported: Callable[..., Draft], told: Told) -> None:
    more = "{name: s, protocol: HTTPS, port: 443}, {name: q, protocol: QUIC, port: 1}, {name: http"
    draft = imported(GATEWAY.replace("{name: http", more), ROUTE.replace(", namespace: shop", ""))
    lines = told(draft)
    assert any("listeners.tls: served in plain text (Gateway 'edge')" in line for line in lines)
    assert any("not imported yet: a listener that speaks QUIC" in line for line in lines)


def test_a_listener_has_a_name_and_a_protocol(refusal: Callable[..., str]) -> None:
    for missing in ("name: http, ", "protocol: HTTP, "):
        assert "a listener has no" in refusal(GATEWAY.replace(missing, ""), ROUTE)
