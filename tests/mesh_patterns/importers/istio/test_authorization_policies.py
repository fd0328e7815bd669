"""AuthorizationPolicies of Istio's own making in a real Envoy: who gets 403, and who does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mesh_patterns.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def policy(name: str, spec: str, namespace: str = "default", annotations: str = "{}") -> str:
    return f"""---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: {namespace}, annotations: {annotations}}}
spec: {spec}
"""


def on(app: str) -> str:
    return f"selector: {{matchLabels: {{app: {app}}}}}"


CALLED = "http://api.default http://known.default http://rest.default http://ports.default"
SERVICES = "".join(
    [
        service("web", calls=CALLED),
        service("other", "shop", calls=CALLED),
        *(service(name) for name in ("api", "known", "rest", "ports", "free", "both", "none")),
        *(service(name) for name in ("all", "denied", "asked", "dry", "twice", "token")),
        service("guarded", "vault"),
        service("open", "vault"),
    ]
)
POLICIES = "".join(
    [
        policy(
            "allow-get",
            f"{{{on('api')}, rules: [{{to: [{{operation: {{methods: [GET], paths: ['/pub*', "
            "'*.css', /exact, '/a/{*}/c/{**}'], notPaths: [/pub/secret]}}]}]}",
        ),
        policy(
            "known",
            f"{{{on('known')}, rules: ["
            "{from: [{source: {principals: [cluster.local/ns/default/sa/web-account]}}]},"
            "{from: [{source: {namespaces: [sh*], notPrincipals: ['*/sa/nobody']}}],"
            " to: [{operation: {methods: [PUT]}}]}]}",
        ),
        policy(
            "rest",
            f"{{{on('rest')}, action: DENY, rules: ["
            "{from: [{source: {notNamespaces: [default]}}]}]}",
        ),
        policy(
            "ports",
            f"{{{on('ports')}, rules: [{{to: [{{operation: {{ports: ['8080']}}}}]}}]}}",
        ),
        policy(
            "both-allow", f"{{{on('both')}, rules: [{{to: [{{operation: {{paths: [/a]}}}}]}}]}}"
        ),
        policy("both-more", f"{{{on('both')}, rules: [{{to: [{{operation: {{paths: [/b]}}}}]}}]}}"),
        policy(
            "both-deny",
            f"{{{on('both')}, action: DENY, rules: [{{to: [{{operation: {{paths: [/b]}}}}],"
            " when: [{key: 'request.headers[X-Role]', notValues: [admin, 'op*']}]}]}",
        ),
        policy("none", f"{{{on('none')}}}"),
        policy("all", f"{{{on('all')}, rules: [{{}}]}}"),
        policy("denied", f"{{{on('denied')}, action: DENY, rules: [{{}}]}}"),
        policy(
            "asked",
            f"{{{on('asked')}, rules: [{{to: [{{operation: {{hosts: ['*.Example.com']}}}}],"
            " when: [{key: 'request.headers[x-tier]', values: [gold, 'sil*']},"
            " {key: source.ip, values: [127.0.0.0/8], notValues: [127.0.0.9]}]}]}",
        ),
        policy("dry", f"{{{on('dry')}}}", annotations="{istio.io/dry-run: 'true'}"),
        policy(
            "twice",
            f"{{{on('twice')}, rules: [{{from: [{{source: {{ipBlocks: [10.0.0.0/8]}}}},"
            " {source: {ipBlocks: [127.0.0.1]}}], to: [{operation: {methods: [GET]}},"
            " {operation: {methods: [PUT], paths: [/put]}}]}]}",
        ),
        policy(
            "token",
            f"{{{on('token')}, action: DENY, rules: [{{from: [{{source: "
            "{notRequestPrincipals: ['*']}}], to: [{operation: {paths: [/in*]}}]}]}",
        ),
        policy(
            "audited",
            f"{{{on('free')}, action: AUDIT,"
            " rules: [{to: [{operation: {methods: [PUT]}}]}]}",
        ),
        policy("vault", "{}", namespace="vault"),
        policy("opened", f"{{{on('open')}, rules: [{{}}]}}", namespace="vault"),
        policy(
            "everywhere",
            "{action: DENY, rules: [{to: [{operation: {methods: [TRACE, 'DEL*']}}]}]}",
            namespace="istio-system",
        ),
    ]
)
DATAPLANE = "mesh: {dataplane: node}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("policies")
    async with running(DATAPLANE + SERVICES + POLICIES, folder) as mesh:
        yield mesh


@pytest.mark.parametrize(
    ("to", "method", "path", "headers", "status"),
    [
        ("api", "GET", "/pub/a", {}, 200),
        ("api", "GET", "/public", {}, 200),
        ("api", "GET", "/pub/secret", {}, 403),
        ("api", "GET", "/x.css?a=b", {}, 200),
        ("api", "GET", "/exact", {}, 200),
        ("api", "GET", "/exact/not", {}, 403),
        ("api", "GET", "/a/b/c/d/e", {}, 200),
        ("api", "GET", "/a/b/d/c/e", {}, 403),
        ("api", "POST", "/pub/a", {}, 403),
        ("free", "GET", "/", {}, 200),
        ("ports", "GET", "/", {}, 200),
        ("both", "GET", "/a", {}, 200),
        ("both", "GET", "/b", {}, 403),
        ("both", "GET", "/b", {"x-role": "admin"}, 200),
        ("both", "GET", "/b", {"x-role": "operator"}, 200),
        ("both", "GET", "/b", {"x-role": "guest"}, 403),
        ("both", "GET", "/c", {"x-role": "admin"}, 403),
        ("none", "GET", "/", {}, 403),
        ("all", "GET", "/", {}, 200),
        ("denied", "GET", "/", {}, 403),
        ("dry", "GET", "/", {}, 200),
        ("twice", "GET", "/", {}, 200),
        ("twice", "PUT", "/put", {}, 200),
        ("twice", "PUT", "/get", {}, 403),
        ("token", "GET", "/out", {}, 200),
        ("token", "GET", "/in", {}, 403),
        ("guarded", "GET", "/", {}, 403),
        ("open", "GET", "/", {}, 200),
        ("open", "DELETE", "/", {}, 403),
        ("all", "DELETE", "/", {}, 403),
        ("free", "DELETE", "/", {}, 403),
        ("known", "GET", "/", {}, 403),
    ],
)
async def test_a_request_is_judged_as_by_istio(
    mesh: Running, to: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await mesh.get(to, path, headers, method)).status == status


@pytest.mark.parametrize(
    ("caller", "to", "method", "status"),
    [
        ("web-v1", "known", "GET", 200),
        ("other-v1", "known", "GET", 403),
        ("other-v1", "known", "PUT", 200),
        ("web-v1", "rest", "GET", 200),
        ("other-v1", "rest", "GET", 403),
        ("client", "rest", "GET", 403),
    ],
)
async def test_a_caller_is_known_by_its_account_and_its_namespace(
    mesh: Running, caller: str, to: str, method: str, status: int
) -> None:
    key = f"call:{caller}:{to}"
    assert (await mesh.send(key, "/", {}, method, to)).status == status


@pytest.mark.parametrize(
    ("host", "tier", "status"),
    [
        ("a.example.com", "gold", 200),
        ("A.EXAMPLE.COM", "silver", 200),
        ("example.com", "gold", 403),
        ("a.example.com", "iron", 403),
        ("a.example.com", None, 403),
    ],
)
async def test_hosts_and_conditions_all_have_to_hold(
    mesh: Running, host: str, tier: str | None, status: int
) -> None:
    fields = {} if tier is None else {"x-tier": tier}
    key = next(key for key in mesh.placement.ports if key.startswith("inbound") and "asked" in key)
    assert (await mesh.send(key, "/", fields, "GET", host)).status == status


async def test_an_audit_counts_and_lets_pass(mesh: Running) -> None:
    counter = "http.inbound-free-v1.rbac.shadow_denied"
    before = await mesh.stat(counter)
    assert (await mesh.get("free", method="GET")).status == 200
    assert await mesh.stat(counter) == before
    assert (await mesh.get("free", method="PUT")).status == 200
    assert await mesh.stat(counter) == before + 1


async def test_certificates_are_taken_for_granted_where_a_policy_names_callers(
    mesh: Running,
) -> None:
    assert {placed.value for placed in mesh.draft.mtls.values()} == {"permissive"}


@pytest.mark.parametrize(
    ("spec", "warning"),
    [
        (
            "{selector: {matchLabels: {istio: ingressgateway}}, action: DENY, rules: [{}]}",
            "an AuthorizationPolicy of the ingress",
        ),
        (
            "{targetRefs: [{kind: ServiceEntry, name: x}]}",
            "a targetRef to a ServiceEntry",
        ),
    ],
)
async def test_what_is_not_taken_is_told(
    imported: Import, told: Told, spec: str, warning: str
) -> None:
    draft = imported(service("a"), policy("x", spec))
    assert draft.filters == []
    assert any(f"not imported yet: {warning}" in line for line in told(draft))


async def test_a_policy_may_stand_before_one_version(imported: Import) -> None:
    two = service("a") + service("a-2").replace("app: a-2, version: v1", "app: a, version: v2")
    only = "{selector: {matchLabels: {version: v2}}}"
    draft = imported(two, policy("x", only) + policy("y", f"{{{on('a')}, rules: [{{}}]}}"))
    assert [str(each.inbound) for each in draft.filters] == ["a/v1", "a/v2"]
    assert [len(each.config.rules) for each in draft.filters] == [1, 1], "allows add up"


async def test_a_policy_for_a_service_by_name(imported: Import) -> None:
    draft = imported(
        service("a"), service("b"), policy("x", "{targetRefs: [{kind: Service, name: b}]}")
    )
    assert [str(each.inbound) for each in draft.filters] == ["b"]


async def test_an_unknown_action_is_refused(refusal: Callable[..., str]) -> None:
    text = policy("x", "{action: PERMIT}")
    wanted = "unknown action 'PERMIT', expected 'ALLOW', 'DENY', 'AUDIT', 'CUSTOM'"
    assert refusal(service("a"), text).endswith(wanted)
