"""What Istio's objects look like, where a mesh says it of one caller or in other numbers."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from mesh_patterns.exporters.dialects import export
from mesh_patterns.load import load
from mesh_yaml import yaml

SHOP = """\
mesh:
  services:
    web: {calls: [shop], ingress: {hosts: [shop.example]}}
    desk: {calls: [shop]}
    shop: {versions: {v1: , v2: }}
"""


def objects(patterns: str, folder: Path) -> tuple[dict[tuple[str, str], Any], list[str]]:
    """The specs of what is written, by kind and name, and what is told with its line."""
    file = folder / "shop.yaml"
    file.write_text(f"{SHOP}patterns:\n{dedent(patterns)}")
    found = export(load([file]), "istio", folder)
    documents = [node.plain() for node in yaml.parse(found.text(), "x")]
    named = {(d["kind"], d["metadata"]["name"]): d.get("spec") for d in documents}  # type: ignore[index,call-overload,union-attr]
    told = [f"{each.place.line}:{each.place.column} {each.message}" for each in found.losses]
    return named, [line for line in told if "images" not in line]


def test_what_one_caller_does_is_for_its_labels(tmp_path: Path) -> None:
    found, told = objects(
        """\
        - {pattern: timeout, on: web -> shop, after: 1500ms}
        - {pattern: circuit_breaker, on: web -> shop, max_requests: 7}
        """,
        tmp_path,
    )
    whole = {"route": [{"destination": {"host": "shop"}}]}
    assert found["VirtualService", "shop"]["http"] == [
        {"match": [{"sourceLabels": {"app": "web"}}], **whole, "timeout": "1500ms"},
        whole,
    ]
    assert found["DestinationRule", "shop-of-web"]["workloadSelector"] == {
        "matchLabels": {"app": "web"}
    }
    assert found["DestinationRule", "shop-of-web"]["trafficPolicy"]["connectionPool"] == {
        "tcp": {"maxConnections": 1024},
        "http": {"http1MaxPendingRequests": 1024, "http2MaxRequests": 7, "maxRetries": 3},
    }
    assert "trafficPolicy" not in found["DestinationRule", "shop"]
    assert told == []


def test_the_ingress_is_a_gateway_of_its_hosts(tmp_path: Path) -> None:
    found, _ = objects("- {pattern: timeout, on: ingress -> web, after: 2s}\n", tmp_path)
    (server,) = found["Gateway", "ingress"]["servers"]
    assert server["hosts"] == ["shop.example"]
    assert found["VirtualService", "ingress-web"] == {
        "hosts": ["shop.example"], "gateways": ["ingress"],
        "http": [{"route": [{"destination": {"host": "web"}}], "timeout": "2s"}],
    }  # fmt: skip


def test_who_may_call_is_a_service_account(tmp_path: Path) -> None:
    found, told = objects(
        """\
        - {pattern: mtls, on: shop}
        - {pattern: authorization, on: shop/v2, allow: {from: web, methods: GET, paths: [/pub/*]}}
        """,
        tmp_path,
    )
    assert found["PeerAuthentication", "shop"]["mtls"] == {"mode": "STRICT"}
    assert found["PeerAuthentication", "web"]["mtls"] == {"mode": "DISABLE"}
    policy = found["AuthorizationPolicy", "shop-v2-allow"]
    assert policy["selector"] == {"matchLabels": {"app": "shop", "version": "v2"}}
    assert policy["rules"] == [
        {
            "from": [{"source": {"principals": ["cluster.local/ns/default/sa/web"]}}],
            "to": [{"operation": {"methods": ["GET"], "paths": ["/pub/*"]}}],
        }
    ]
    pod = found["Deployment", "shop-v2"]["template"]["spec"]
    assert pod["serviceAccountName"] == "shop"
    assert told == []


def test_what_istio_has_no_words_for_is_told_with_its_line(tmp_path: Path) -> None:
    found, told = objects(
        """\
        - {pattern: health_check, on: shop, path: /health}
        - {pattern: fault, on: shop, abort: {status: 503}}
        """,
        tmp_path,
    )
    assert told == [
        "7:3 health check: Istio has no words for it, left out",
        "8:3 fault is an EnvoyFilter there, and runs last",
    ]
    (patch,) = found["EnvoyFilter", "shop-fault-1"]["configPatches"]
    assert patch["match"]["context"] == "SIDECAR_INBOUND"
    assert patch["patch"]["value"]["typed_config"]["abort"]["http_status"] == 503
