"""A shop of four services, and what Consul can say of them."""

from __future__ import annotations

SHOP = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: books}, spec: {selector: {app: books}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: books-1, labels: {app: books},
    annotations: {consul.hashicorp.com/service-meta-version: v1, consul.hashicorp.com/service-tags: "old,eu"}}
- apiVersion: v1
  kind: Pod
  metadata: {name: books-2, labels: {app: books},
    annotations: {consul.hashicorp.com/service-meta-version: v2, consul.hashicorp.com/service-tags: new}}
- {apiVersion: v1, kind: Service, metadata: {name: authors}, spec: {selector: {app: authors}}}
- {apiVersion: v1, kind: Pod, metadata: {name: authors, labels: {app: authors}}}
- {apiVersion: v1, kind: Pod, metadata: {name: web, labels: {app: web}},
   spec: {containers: [{env: [{name: A, value: "http://books"}, {name: B, value: "http://authors"}]}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: robot, labels: {app: robot}},
   spec: {containers: [{env: [{name: A, value: "http://books"}]}]}}
"""  # noqa: E501
RESOLVER = """
Kind: service-resolver
Name: books
Subsets: {v1: {Filter: Service.Meta.version == v1}, new: {Filter: 'Service.Tags contains "new"'}}
"""


def entry(kind: str, rest: str, name: str = "books") -> str:
    """A config entry."""
    return f"Kind: {kind}\nName: {name}\n{rest}\n"


ALL = "---\n".join(
    [
        entry(
            "service-resolver",
            """\
Subsets: {b: {Filter: Service.Meta.version == b}, c: {Filter: Service.Meta.version == c}}
DefaultSubset: b
Failover: {"*": {Targets: [{ServiceSubset: c}, {Service: other}]}}
ConnectTimeout: 3s
RequestTimeout: 10s
LoadBalancer:
  Policy: ring_hash
  RingHashConfig: {MinimumRingSize: 16}
  HashPolicies: [{Field: cookie, FieldValue: u, CookieConfig: {TTL: 1h, Path: /}}, {SourceIP: true}]
""",
            "app-svc",
        ),
        entry(
            "service-router",
            """\
Routes:
- Match: {HTTP: {PathRegex: /a+, QueryParam: [{Name: q, Regex: x+}], Methods: [GET, PUT]}}
  Destination: {RequestHeaders: {Set: {a: b}, Remove: [c]}, RetryOn: [5xx], RequestTimeout: 1s}
- Match: {HTTP: {PathPrefix: /b, Header: [{Name: h, Prefix: x, Invert: true}]}}
  Destination: {PrefixRewrite: /c, RetryOnConnectFailure: true}
""",
            "app-svc",
        ),
        entry("service-splitter", "Splits: [{Weight: 99.5}, {Weight: 0.5, ServiceSubset: c}]",
              "app-svc"),
        entry(
            "service-defaults",
            """\
Protocol: http
MaxInboundConnections: 100
RateLimits: {InstanceLevel: {RequestsPerSecond: 100, RequestsMaxBurst: 200}}
EnvoyExtensions:
- Name: builtin/lua
  Arguments: {Listener: inbound, Script: "function envoy_on_request(h) end"}
""",
            "app-svc",
        ),
        entry(
            "service-intentions",
            """\
Sources:
- {Name: app-svc, Action: allow}
- Name: "*"
  Permissions:
  - {Action: deny, HTTP: {PathExact: /x, Methods: [PUT], Header: [{Name: a, Exact: b}]}}
  - {Action: allow, HTTP: {PathPrefix: /}}
""",
            "app-svc",
        ),
        entry("terminating-gateway", "Services: [{Name: other}]", "out"),
    ]
)  # fmt: skip
