"""The same canary in all dialects is the same to Envoy, byte by byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft
from mesh_patterns.placement import Placement

Import = Callable[..., Draft]

SHOP = """
    apiVersion: v1
    kind: List
    items:
    - {apiVersion: v1, kind: Service, metadata: {name: reviews},
       spec: {selector: {app: reviews}, ports: [{port: 9080}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: reviews-v1},
       spec: {selector: {app: reviews, version: v1}, ports: [{port: 9080}]}}
    - {apiVersion: v1, kind: Service, metadata: {name: reviews-v2},
       spec: {selector: {app: reviews, version: v2}, ports: [{port: 9080}]}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: reviews-v1, labels: {app: reviews, version: v1}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: reviews-v2, labels: {app: reviews, version: v2}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: page, labels: {app: page}}
      spec: {containers: [{env: [{name: URL, value: "http://reviews:9080"}]}]}
"""
SUBSETS = """
    apiVersion: networking.istio.io/v1
    kind: DestinationRule
    metadata: {name: reviews}
    spec:
      host: reviews
      subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
"""
VIRTUAL_SERVICE = """
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata: {name: reviews}
    spec:
      hosts: [reviews]
      http:
      - match: [{headers: {end-user: {exact: jason}}}]
        route: [{destination: {host: reviews, subset: v2}}]PATIENCE
      - route:
        - {destination: {host: reviews, subset: v1}, weight: 90}
        - {destination: {host: reviews, subset: v2}, weight: 10}PATIENCE
"""
HTTP_ROUTE = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata: {name: reviews}
    spec:
      parentRefs: [{group: "", kind: Service, name: reviews, port: 9080}]
      rules:
      - backendRefs:
        - {name: reviews-v1, port: 9080, weight: 90}
        - {name: reviews-v2, port: 9080, weight: 10}PATIENCE
      - matches: [{headers: [{name: end-user, value: jason}]}]
        backendRefs: [{name: reviews-v2, port: 9080}]PATIENCE
"""
TRAFFIC_SPLIT = """
    apiVersion: split.smi-spec.io/v1alpha4
    kind: TrafficSplit
    metadata: {name: reviews}
    spec:
      service: reviews
      backends: [{service: reviews-v1, weight: 90}, {service: reviews-v2, weight: 10}]
    ---
    apiVersion: split.smi-spec.io/v1alpha4
    kind: TrafficSplit
    metadata: {name: jason}
    spec:
      service: reviews
      matches: [{kind: HTTPRouteGroup, name: jason}]
      backends: [{service: reviews-v2, weight: 1}]
    ---
    apiVersion: specs.smi-spec.io/v1alpha4
    kind: HTTPRouteGroup
    metadata: {name: jason}
    spec: {matches: [{name: jason, headers: {end-user: jason}}]}
"""
SERVICE_PROFILE = """
    apiVersion: linkerd.io/v1alpha2
    kind: ServiceProfile
    metadata: {name: reviews.default.svc.cluster.local}
    spec:
      dstOverrides:
      - {authority: reviews-v1.default.svc.cluster.local:9080, weight: 90}
      - {authority: reviews-v2.default.svc.cluster.local:9080, weight: 10}
"""
LINKERD_ROUTE = HTTP_ROUTE.replace("gateway.networking.k8s.io/v1", "policy.linkerd.io/v1beta3")
CONSUL = """
    Kind: service-router
    Name: reviews
    Routes:
    - Match: {HTTP: {Header: [{Name: end-user, Exact: jason}]}}
      Destination: {ServiceSubset: v2PATIENCE}
    ---
    Kind: service-splitter
    Name: reviews
    Splits: [{Weight: 90, ServiceSubset: v1}, {Weight: 10, ServiceSubset: v2}]
    ---
    apiVersion: consul.hashicorp.com/v1alpha1
    kind: ServiceResolver
    metadata: {name: reviews}
    spec:
      subsets:
        v1: {filter: Service.Meta.version == v1}
        v2: {filter: 'Service.Meta["version"] == "v2"'}
"""
MESH_HTTP_ROUTE = """
    apiVersion: kuma.io/v1alpha1
    kind: MeshHTTPRoute
    metadata: {name: reviews, labels: {kuma.io/mesh: default}}
    spec:
      targetRef: {kind: Mesh}
      to:
      - targetRef: {kind: MeshService, name: reviews}
        rules:
        - matches: [{path: {type: PathPrefix, value: /}}]
          default:
            backendRefs:
            - {kind: MeshService, name: reviews-v1, port: 9080, weight: 90}
            - {kind: MeshService, name: reviews-v2, port: 9080, weight: 10}
        - matches:
          - path: {type: PathPrefix, value: /}
            headers: [{type: Exact, name: end-user, value: jason}]
          default:
            backendRefs: [{kind: MeshServiceSubset, name: reviews, tags: {version: v2}}]PATIENCE
"""
UNIVERSAL = MESH_HTTP_ROUTE.replace(
    """apiVersion: kuma.io/v1alpha1
    kind: MeshHTTPRoute
    metadata: {name: reviews, labels: {kuma.io/mesh: default}}""",
    """type: MeshHTTPRoute
    name: reviews
    mesh: default""",
)
APP_MESH = """
    apiVersion: v1
    kind: List
    items:
    - apiVersion: appmesh.k8s.aws/v1beta2
      kind: VirtualNode
      metadata: {name: reviews-v1}
      spec:
        podSelector: {matchLabels: {app: reviews, version: v1}}
        listeners: [{portMapping: {port: 9080, protocol: http}}]
        serviceDiscovery: {dns: {hostname: reviews-v1.default.svc.cluster.local}}
    - apiVersion: appmesh.k8s.aws/v1beta2
      kind: VirtualNode
      metadata: {name: reviews-v2}
      spec:
        podSelector: {matchLabels: {app: reviews, version: v2}}
        listeners: [{portMapping: {port: 9080, protocol: http}}]
        serviceDiscovery: {dns: {hostname: reviews-v2.default.svc.cluster.local}}
    - apiVersion: appmesh.k8s.aws/v1beta2
      kind: VirtualService
      metadata: {name: reviews}
      spec:
        awsName: reviews.default.svc.cluster.local
        provider: {virtualRouter: {virtualRouterRef: {name: reviews}}}
    - apiVersion: appmesh.k8s.aws/v1beta2
      kind: VirtualRouter
      metadata: {name: reviews}
      spec:
        listeners: [{portMapping: {port: 9080, protocol: http}}]
        routes:
        - name: rest
          priority: 2
          httpRoute:
            match: {prefix: /}
            action:
              weightedTargets:
              - {virtualNodeRef: {name: reviews-v1}, weight: 90}
              - {virtualNodeRef: {name: reviews-v2}, weight: 10}
        - name: jason
          priority: 1
          httpRoute:
            match: {prefix: /, headers: [{name: end-user, match: {exact: jason}}]}
            action: {weightedTargets: [{virtualNodeRef: {name: reviews-v2}, weight: 1}]}
"""
API = """
    {"meshName": "m", "virtualServiceName": "reviews.default.svc.cluster.local",
     "spec": {"provider": {"virtualRouter": {"virtualRouterName": "reviews"}}}}
    ---
    {"meshName": "m", "virtualRouterName": "reviews",
     "spec": {"listeners": [{"portMapping": {"port": 9080, "protocol": "http"}}]}}
    ---
    {"meshName": "m", "virtualNodeName": "reviews-v1",
     "spec": {"listeners": [{"portMapping": {"port": 9080, "protocol": "http"}}],
              "serviceDiscovery": {"dns": {"hostname": "reviews-v1.default.svc.cluster.local"}}}}
    ---
    {"meshName": "m", "virtualNodeName": "reviews-v2",
     "spec": {"listeners": [{"portMapping": {"port": 9080, "protocol": "http"}}],
              "serviceDiscovery": {"dns": {"hostname": "reviews-v2.default.svc.cluster.local"}}}}
    ---
    {"meshName": "m", "virtualRouterName": "reviews", "routeName": "rest",
     "spec": {"priority": 2, "httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [
       {"virtualNode": "reviews-v1", "weight": 90}, {"virtualNode": "reviews-v2", "weight": 10}]}}}}
    ---
    {"route": {"meshName": "m", "virtualRouterName": "reviews", "routeName": "jason",
      "spec": {"priority": 1, "httpRoute": {
        "match": {"prefix": "/", "headers": [{"name": "end-user", "match": {"exact": "jason"}}]},
        "action": {"weightedTargets": [{"virtualNode": "reviews-v2", "weight": 1}]}}},
      "status": {"status": "ACTIVE"}}}
"""
PATIENCE = {  # SMI and App Mesh have no words for these
    "istio": """
        timeout: 2s
        retries: {attempts: 3, perTryTimeout: 500ms, backoff: 20ms,
                  retryOn: "connect-failure,refused-stream,unavailable,cancelled,503"}""",
    "gateway": """
        timeouts: {request: 2s, backendRequest: 500ms}
        retry: {attempts: 3, codes: [503], backoff: 20ms}""",
    "kuma": """
    ---
    type: MeshTimeout
    name: reviews
    mesh: default
    spec:
      to:
      - targetRef: {kind: MeshHTTPRoute, name: reviews}
        default: {http: {requestTimeout: 2s}}
    ---
    type: MeshRetry
    name: reviews
    mesh: default
    spec:
      to:
      - targetRef: {kind: MeshHTTPRoute, name: reviews}
        default:
          http:
            numRetries: 3
            perTryTimeout: 500ms
            backOff: {baseInterval: 20ms}
            retryOn: [ConnectFailure, RefusedStream, Unavailable, Canceled, "503"]""",
}


def resources(draft: Draft) -> dict[tuple[str, str, str], bytes]:
    """Every resource of every Envoy, as it goes over the wire."""
    snapshots = compile_mesh(draft, Placement.imagined(draft.mesh))
    return {
        (node, each.type.name, each.name): each.body
        for node, snapshot in snapshots.items()
        for each in snapshot
    }


def policies(patient: bool) -> dict[str, str]:
    istio, gateway, kuma = (text if patient else "" for text in PATIENCE.values())
    found = {
        "istio": SUBSETS + "    ---" + VIRTUAL_SERVICE.replace("PATIENCE", istio),
        "gateway": HTTP_ROUTE.replace("PATIENCE", gateway),
        "linkerd": LINKERD_ROUTE.replace("PATIENCE", gateway),
        "kuma": MESH_HTTP_ROUTE.replace("PATIENCE", kuma),
        "kuma, universal": UNIVERSAL.replace("PATIENCE", kuma),
    }
    # only what all have words for: Consul has no timeout of a try, and none with shares
    more = {"smi": TRAFFIC_SPLIT, "consul": CONSUL.replace("PATIENCE", "")}
    more |= {"app mesh": APP_MESH, "app mesh, API": API}
    return found if patient else {**found, **more}


@pytest.mark.parametrize("patient", [False, True], ids=["split", "with timeout and retries"])
def test_a_canary_is_the_same_to_envoy_in_every_dialect(imported: Import, patient: bool) -> None:
    found = {name: resources(imported(SHOP, text)) for name, text in policies(patient).items()}
    first = found["istio"]
    routes = [key for key in first if key[1] == "ROUTE" and key[2].startswith("outbound")]
    assert {node for node, _, _ in routes} == {"page", "ingress"}
    for name, others in found.items():
        assert others == first, name


def test_policies_alone_are_the_same_mesh(imported: Import) -> None:
    """Without a file that says which services there are, the echo stands in for the same ones."""
    found = {name: resources(imported(text)) for name, text in policies(False).items()}
    assert found["gateway"] == found["istio"]
    assert found["smi"] == found["istio"]
    assert found["linkerd"] == found["istio"]
    assert found["consul"] == found["istio"]
    assert found["app mesh, API"] == found["istio"]
    assert found["kuma"] == found["istio"]
    assert found["kuma, universal"] == found["istio"]


def test_shares_alone_are_the_same_in_a_service_profile(imported: Import) -> None:
    """Without requests that a header decides about, which it has no words for."""
    split = TRAFFIC_SPLIT.partition("    ---")[0]
    assert resources(imported(SHOP, SERVICE_PROFILE)) == resources(imported(SHOP, split))
