"""A shop of three services, and all that Linkerd can say of them."""

from __future__ import annotations

SHOP = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: books}, spec: {selector: {app: books}, ports: [{port: 80, targetPort: 8080}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: books, labels: {app: books}},
   spec: {serviceAccountName: books, containers: [{ports: [{name: http, containerPort: 8080}]}]}}
- {apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 5432}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: db, labels: {app: db}},
   spec: {containers: [{ports: [{name: sql, containerPort: 5432}]}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}},
   spec: {serviceAccountName: web, containers: [{env: [{name: URL, value: "http://books"}]}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: robot, labels: {app: robot}},
   spec: {serviceAccountName: robot, containers: [{env: [{name: URL, value: "http://books"}]}]}}
"""  # noqa: E501
SERVER = """
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: books, labels: {tier: back}}
spec: {podSelector: {matchLabels: {app: books}}, port: POLICY}
"""


def server(more: str = "", port: str = "http") -> str:
    """The Server of the books."""
    return SERVER.replace("port: POLICY", f"port: {port}{more}")


def policy(
    refs: str,
    target: str = "{group: policy.linkerd.io, kind: Server, name: books}",
    name: str = "a",
) -> str:
    """An AuthorizationPolicy with these authentications."""
    return f"""
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {{name: {name}}}
spec: {{targetRef: {target}, requiredAuthenticationRefs: {refs}}}
"""


def identities(spec: str, name: str = "some") -> str:
    """A MeshTLSAuthentication."""
    return f"""
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: {{name: {name}}}
spec: {spec}
"""


def networks(spec: str, name: str = "near") -> str:
    """A NetworkAuthentication."""
    return f"""
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
metadata: {{name: {name}}}
spec: {{networks: {spec}}}
"""


def profile(routes: str, more: str = "", name: str = "books.default.svc.cluster.local") -> str:
    """A ServiceProfile with these routes."""
    return f"""
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {{name: {name}}}
spec:
  routes: {routes}
{more}
"""


def annotated(**annotations: str) -> str:
    """The Service of the books, with annotations; ``__`` stands for a slash, ``_`` for a dash."""
    names = {
        name.replace("__", ".linkerd.io/").replace("_", "-"): text
        for name, text in annotations.items()
    }
    shown = ", ".join(f'{name}: "{text}"' for name, text in names.items())
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: books, annotations: {{{shown}}}}}
spec: {{selector: {{app: books}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""


SOME = "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: some}"
NEAR = "{group: policy.linkerd.io, kind: NetworkAuthentication, name: near}"
EGRESS = """
apiVersion: policy.linkerd.io/v1alpha1
kind: EgressNetwork
metadata: {name: out}
spec: {trafficPolicy: Deny, networks: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: out}
spec:
  parentRefs: [{group: policy.linkerd.io, kind: EgressNetwork, name: out}]
  hostnames: [api.example.com]
  rules: [{backendRefs: [{group: policy.linkerd.io, kind: EgressNetwork, name: out}]}]
"""
LIMITS = """
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
metadata: {name: l}
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: books}
  total: {requestsPerSecond: 100}
  identity: {requestsPerSecond: 20}
  overrides: [{requestsPerSecond: 1, clientRefs: [{kind: ServiceAccount, name: robot}]}]
"""
SERVER_AUTHORIZATION = """
apiVersion: policy.linkerd.io/v1beta1
kind: ServerAuthorization
metadata: {name: old}
spec:
  server: {selector: {matchExpressions: [{key: tier, operator: In, values: [back]}]}}
  client:
    networks: [{cidr: 127.0.0.0/8, except: [127.0.0.2/32]}]
    meshTLS: {serviceAccounts: [{name: web}], identities: ["*.x.serviceaccount.identity.l.c.local"]}
"""
ALL = "---".join(
    [
        server(", proxyProtocol: HTTP/1, accessPolicy: audit"),
        policy(f"[{SOME}, {NEAR}, {{kind: ServiceAccount, name: web}}]"),
        identities('{identities: ["*"], identityRefs: [{kind: ServiceAccount, name: robot}]}'),
        networks("[{cidr: 127.0.0.0/8, except: [127.0.0.2]}, {cidr: 10.0.0.1}]"),
        SERVER_AUTHORIZATION,
        LIMITS,
        EGRESS,
        annotated(
            retry__http="500-502,gateway-error",
            retry__limit="2",
            retry__timeout="1s",
            timeout__response="3s",
            timeout__idle="1h",
            balancer__failure_accrual="consecutive",
            config__opaque_ports="25,3306-3310",
        ),
        profile(
            "[{condition: {all: [{method: GET}, {not: {pathRegex: '/a.*'}}]}, isRetryable: true,"
            " timeout: 1s, responseClasses: [{condition: {any: [{status: {min: 500}},"
            " {not: {status: {max: 404}}}]}, isFailure: true}]}]",
            "  retryBudget: {retryRatio: 0.5, minRetriesPerSecond: 3, ttl: 10s}",
        ),
    ]
)
