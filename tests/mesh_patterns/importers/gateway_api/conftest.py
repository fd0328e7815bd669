"""Routes of the Gateway API as text, and a mesh that they are at."""

from __future__ import annotations

from textwrap import dedent, indent

NODE = "mesh: {dataplane: node}\n"
GATEWAY = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: edge}
    spec: {gatewayClassName: any, listeners: [{name: http, protocol: HTTP, port: 80}]}
"""


def joined(*texts: str) -> str:
    """One file of several documents."""
    return "---\n".join(dedent(text).lstrip("\n") for text in texts)


def services(*names: str, namespace: str = "default") -> str:
    """Services, and for each a Pod of the same name."""
    return "---\n".join(
        f"""\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 8080}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec: {{containers: []}}
"""
        for name in names
    )


def route(
    rules: str,
    name: str = "r",
    parent: str = "{name: edge}",
    hosts: str = "[]",
    kind: str = "HTTPRoute",
    meta: str = "",
) -> str:
    """One route with ``rules``, the elements of a list."""
    return f"""\
apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {name}{meta}}}
spec:
  parentRefs: [{parent}]
  hostnames: {hosts}
  rules:
{indent(dedent(rules).strip(), "  ")}
"""


def to(*names: str) -> str:
    """backendRefs to Services, all alike."""
    return ", ".join(f"{{name: {name}, port: 8080}}" for name in names)
