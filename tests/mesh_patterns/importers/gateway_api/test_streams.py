"""TCPRoute and TLSRoute: whom connections lead to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined, route, services
from tests.mesh_patterns.running import running

Told = Callable[[Draft], list[str]]
GATEWAY = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: edge}
    spec:
      listeners:
      - {name: tcp, protocol: TCP, port: 9000}
      - {name: tls, protocol: TLS, port: 443, tls: {mode: Passthrough}}
      - {name: end, protocol: TLS, port: 444, tls: {mode: Terminate}}
"""
SPLIT = "- backendRefs: [{name: one, weight: 8}, {name: two, weight: 2}]"


@pytest.mark.asyncio
async def test_connections_are_shared_by_weight_at_a_gateway_and_for_callers(
    tmp_path: Path,
) -> None:
    """Connections that carry HTTP, so that it can be told who took them: one each."""
    text = joined(
        NODE,
        GATEWAY,
        services("one", "two", "three"),
        route(SPLIT, "t", "{name: edge, sectionName: tcp}", kind="TCPRoute"),
        route(
            "- backendRefs: [{name: one}]",
            "s",
            '{group: "", kind: Service, name: three}',
            kind="TCPRoute",
        ),
    )
    async with running(text, tmp_path) as mesh:
        closing = {"connection": "close"}
        sent = [await mesh.send("ingress:any:one", "/", closing, "GET", "x") for _ in range(100)]
        seen = Counter(answer.instance for answer in sent)
        assert seen["one"] + seen["two"] == 100
        assert abs(seen["two"] - 20) <= 16  # four standard deviations
        assert (await mesh.get("three")).instance == "one"


def test_tls_that_passes_through_is_told_apart_by_its_name(imported: Callable[..., Draft]) -> None:
    rules = "- backendRefs: [{name: one}]"
    parent = "{name: edge, sectionName: tls}"
    draft = imported(GATEWAY, route(rules, "p", parent, "[a.example.com]", "TLSRoute"))
    service = draft.mesh.services["one"]
    assert service.protocol == "tls"
    assert service.ingress is not None
    assert service.ingress.hosts == ("a.example.com",)


def test_tls_that_ends_at_a_gateway_is_told(refusal: Callable[..., str], told: Told) -> None:
    rules = "- backendRefs: [{name: one}]"
    parent = "{name: edge, sectionName: end}"
    line = refusal(GATEWAY, route(rules, "p", parent, "[a.example.com]", "TLSRoute"))
    assert line == (
        "1.yaml:2:1: has nothing that a mesh could run: expected a workload, a Service, or policy "
        "that leads to one, got 1 Gateway, 1 TLSRoute"
    )


def test_weights_that_are_no_hundredths_are_told(
    imported: Callable[..., Draft], told: Told
) -> None:
    rules = "- backendRefs: [{name: one, weight: 1}, {name: two, weight: 2}]"
    draft = imported(GATEWAY, route(rules, "t", "{name: edge, sectionName: tcp}", kind="TCPRoute"))
    split = draft.edges["ingress", "one"].split
    assert split is not None
    assert [each.weight for each in split.value] == [33, 67]
    assert any(
        "weights of connections in hundredths (TCPRoute 't')" in line for line in told(draft)
    )


def test_two_routes_to_one_service_are_one(imported: Callable[..., Draft], told: Told) -> None:
    first, second = (
        route(SPLIT, name, "{name: edge, sectionName: tcp}", kind="TCPRoute") for name in "ab"
    )
    draft = imported(GATEWAY, first, second)
    assert "3.yaml:3:18: TCPRoute 'a' leads to 'one' already: this one is left out" in told(draft)
