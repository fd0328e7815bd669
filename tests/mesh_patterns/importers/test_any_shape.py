"""What strangers write is imported or refused, never a crash."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mesh_patterns import assemble
from mesh_patterns.importers import conversion, objects
from mesh_patterns.load import apply
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

KEYS = (
    "hosts", "http", "gateways", "match", "route", "destination", "host", "subset", "weight",
    "uri", "exact", "prefix", "headers", "request", "set", "fault", "delay", "fixedDelay", "abort",
    "mirror", "mirrors", "rewrite", "redirect", "retries", "subsets", "labels", "version", "name",
    "servers", "port", "ports", "protocol", "selector", "template", "metadata", "spec",
    "containers", "env", "value", "args", "replicas", "settings", "traits", "meshmap", "edges",
    "from", "to", "dependsOn", "type", "tls", "percentage", "trafficPolicy", "loadBalancer",
    "connectionPool", "outlierDetection", "consistentHash", "portLevelSettings", "number", "mtls",
    "mode", "rules", "source", "operation", "principals", "paths", "when", "key", "values",
    "notValues", "matchLabels", "action", "targetRefs", "kind", "configPatches", "applyTo",
    "jwtRules", "issuer", "jwks", "fromHeaders", "accessLogging", "tracing", "egress", "meshConfig",
    "tcp", "sniHosts", "delegate", "localityLbSetting", "distribute", "sessionPersistence",
    "retryConstraint", "budget", "extensionProviders", "provider", "address", "resolution",
    "patch", "operation", "typed_config", "@type", "inline_code", "url", "endpoints", "corsPolicy",
    "targetRef", "default", "tags", "kuma.io/service", "backendRefs", "matches", "path", "filters",
    "spiffeID", "local", "backends", "file", "networking", "inbound", "outbound", "gateway", "conf",
    "listeners", "selectors", "appendModifications", "httpFilter", "loadBalancer", "detectors",
    "hashPolicies", "sampling", "retryOn", "numRetries", "interval", "address", "hostnames",
    "virtualNodeRef", "virtualServiceName", "weightedTargets", "priority", "perRequest", "unit",
    "maxRetries", "httpRetryEvents", "queryParameters", "serviceDiscovery", "dns", "hostname",
)  # fmt: skip
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        100,
        "",
        "a",
        "a/b",
        "*",
        "/",
        "7s",
        "$(#ref.vars.x)",
        "VirtualService",
        "a*",
        "STRICT",
        "RANDOM",
        "request.headers[a]",
        "10.0.0.0/8",
        "Mesh",
        "MeshService",
        "Exact",
        "RingHash",
    ]
)
TREES = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)
KINDS = (
    "v1 Service", "v1 Pod", "apps/v1 Deployment", "networking.istio.io/v1 VirtualService",
    "networking.istio.io/v1 DestinationRule", "networking.istio.io/v1 Gateway",
    "security.istio.io/v1 AuthorizationPolicy", "security.istio.io/v1 PeerAuthentication",
    "networking.istio.io/v1 ServiceEntry", "networking.istio.io/v1 WorkloadEntry",
    "security.istio.io/v1 RequestAuthentication", "telemetry.istio.io/v1 Telemetry",
    "networking.istio.io/v1 Sidecar", "install.istio.io/v1alpha1 IstioOperator",
    "gateway.networking.x-k8s.io/v1alpha1 XBackendTrafficPolicy",
    "networking.istio.io/v1 EnvoyFilter", "extensions.istio.io/v1alpha1 WasmPlugin",
)  # fmt: skip


def convert(*documents: dict[str, Any]) -> None:
    nodes = [Node.of(document, Place("any.yaml", 3)) for document in documents]
    with contextlib.suppress(DocumentError):
        converted = conversion.convert(nodes)
        apply(assemble.mesh("any", converted.trees, [], converted.warnings))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.split()[1])
@settings(max_examples=60, deadline=None)
@given(spec=TREES)
@example(spec={"hosts": ["a/b"], "http": [{"route": [{"destination": {"host": "a/b"}}]}]})
@example(spec={"template": {"metadata": {"labels": []}, "spec": []}})
def test_any_object_is_imported_or_refused(kind: str, spec: Any) -> None:
    api_version, _, name = kind.partition(" ")
    convert({"apiVersion": api_version, "kind": name, "metadata": {"name": "a"}, "spec": spec})


OF_KUMA = st.sampled_from(sorted(objects.POLICY[objects.KUMA]))


@settings(max_examples=150, deadline=None)
@given(kind=OF_KUMA, spec=TREES)
def test_any_object_of_kuma_is_imported_or_refused(kind: str, spec: Any) -> None:
    said = spec if isinstance(spec, dict) else {}
    convert({"type": kind, "name": "x", **said, "mesh": "default", "spec": spec})


ROUTED = st.sampled_from(["httpRoute", "grpcRoute", "tcpRoute", "http2Route"])
OF_APP_MESH = st.sampled_from(sorted(objects.POLICY[objects.APP_MESH]))


@settings(max_examples=150, deadline=None)
@given(kind=OF_APP_MESH, spec=TREES, route=ROUTED, match=TREES, action=TREES, more=TREES)
def test_any_object_of_app_mesh_is_imported_or_refused(
    kind: str, spec: Any, route: str, match: Any, action: Any, more: Any
) -> None:
    target = {"target": {"virtualService": {"virtualServiceName": "s"}}, "rewrite": action}
    weighted = {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}

    def body(act: Any) -> Any:
        return {route: {"match": match, "action": act, "retryPolicy": more, "timeout": more}}

    listener = {"portMapping": {"port": 1, "protocol": "http"}, "healthCheck": more, "tls": more}
    api = {"meshName": "m"}
    convert(
        {**api, "virtualNodeName": "n", "spec": {"listeners": [listener], "backends": [more]}},
        {
            **api, "virtualServiceName": "s",
            "spec": {"provider": {"virtualRouter": {"virtualRouterName": "r"}}},
        },
        {**api, "virtualRouterName": "r", "spec": spec},
        {**api, "virtualRouterName": "r", "routeName": "x", "spec": body(weighted)},
        {**api, "virtualGatewayName": "g", "gatewayRouteName": "y", "spec": body(target)},
        {"apiVersion": "appmesh.k8s.aws/v1beta2", "kind": kind, "metadata": {"name": "z"},
         "spec": spec},
    )  # fmt: skip


# The shapes that Kuma's policies share, with anything where they differ.
@settings(max_examples=150, deadline=None)
@given(
    kind=OF_KUMA,
    ref=TREES,
    goal=TREES,
    conf=TREES,
    rules=TREES,
)
def test_any_policy_of_kuma_is_imported_or_refused(
    kind: str, ref: Any, goal: Any, conf: Any, rules: Any
) -> None:
    item = {"targetRef": goal, "default": conf, "rules": rules}
    spec = {"targetRef": ref, "to": [item], "from": [item], "rules": [item], "default": conf}
    proxy = {"inbound": [{"tags": {"kuma.io/service": "a", "kuma.io/protocol": "http"}}]}
    convert(
        {"type": "Dataplane", "name": "a", "mesh": "default", "networking": proxy},
        {"type": kind, "name": "x", "mesh": "default", "spec": spec},
    )


@settings(max_examples=200, deadline=None)
@given(component=TREES, other=TREES)
@example(component={"name": {"a": 1}}, other=None)
def test_any_component_is_imported_or_refused(component: Any, other: Any) -> None:
    typed = {"type": "Application", **component} if isinstance(component, dict) else component
    convert({"name": "x", "services": {"a": typed, "b": other}})


@settings(max_examples=100, deadline=None)
@given(config=TREES, inner=TREES)
@example(config={"inline_code": {"a": 1}}, inner=None)
@example(config={"source_codes": {"a": {"@type": "x"}}}, inner=[])
def test_any_configuration_of_a_filter_is_envoys_or_refused(config: Any, inner: Any) -> None:
    typed = {"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"}
    own = config if isinstance(config, dict) else {"inline_code": config}
    value = {"name": "x", "typed_config": {**own, "default_source_code": inner, **typed}}
    patch = {"applyTo": "HTTP_FILTER", "patch": {"operation": "ADD", "value": value}}
    convert(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}},
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "EnvoyFilter",
            "metadata": {"name": "x"},
            "spec": {"configPatches": [patch]},
        },
    )
