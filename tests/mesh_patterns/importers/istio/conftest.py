"""Istio's objects as text, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from mesh_patterns.draft import Draft, Rule

SERVICES = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: reviews}, spec: {selector: {app: reviews}}}
- {apiVersion: v1, kind: Service, metadata: {name: ratings}, spec: {selector: {app: ratings}}}
- {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: reviews, version: v1, env: p}}}
- {apiVersion: v1, kind: Pod, metadata: {name: b, labels: {app: reviews, version: v2, env: p}}}
- {apiVersion: v1, kind: Pod, metadata: {name: c, labels: {app: reviews, version: v3, env: t}}}
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
  - {name: one, labels: {version: v1}}
  - {name: two, labels: {version: v2}}
  - {name: production, labels: {env: p}}
  - {name: gone, labels: {version: v9}}
"""


def service(name: str, namespace: str = "default", port: int = 8080, calls: str = "") -> str:
    """A Service, and a Pod of it with a service account of its own."""
    env = f", env: [{{name: URLS, value: '{calls}'}}]" if calls else ""
    return f"""---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: {port}}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}, version: v1}}}}
spec: {{serviceAccountName: {name}-account, containers: [{{name: a{env}}}]}}
"""


def virtual_service(
    http: str, hosts: str = "[reviews]", name: str = "x", gateways: str = "", more: str = ""
) -> str:
    """A VirtualService with these rules, each a block of YAML that begins with a dash."""
    head = (
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f"metadata: {{name: {name}}}\nspec:\n  hosts: {hosts}\n"
    )
    head += f"  gateways: {gateways}\n" if gateways else ""
    return head + more + "  http:\n" + indent(dedent(http).strip(), "  ") + "\n"


@pytest.fixture
def routed(imported: Callable[..., Draft]) -> Callable[..., Draft]:
    """``routed(http, …)``: the draft of the services, their subsets and one VirtualService."""
    return lambda http, **options: imported(SERVICES, RULE, virtual_service(http, **options))


@pytest.fixture
def rules(routed: Callable[..., Draft]) -> Callable[..., list[Rule]]:
    """``rules(http)``: what a client of ``reviews`` goes by."""
    return lambda http, **options: routed(http, **options).edges["client", "reviews"].rules


@pytest.fixture
def texts() -> dict[str, str]:
    return {"services": SERVICES, "rule": RULE}


@pytest.fixture
def vs() -> Callable[..., str]:
    return virtual_service
