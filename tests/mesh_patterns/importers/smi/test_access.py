"""Who may call whom, asked of a real Envoy: SMI's conformance scenarios of traffic access and specs
in our own words. First nobody may, then one may, then one may some of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import NODE, joined
from tests.mesh_patterns.running import running

pytestmark = pytest.mark.asyncio
Told = Callable[[Draft], list[str]]


def app(name: str, calls: str = "") -> str:
    """A service of one workload with a service account of its own."""
    return f"""
    apiVersion: v1
    kind: Service
    metadata: {{name: app-{name}}}
    spec: {{selector: {{app: app-{name}}}, ports: [{{port: 9091, name: http}}]}}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {{name: app-{name}-deployment}}
    spec:
      template:
        metadata: {{labels: {{app: app-{name}}}}}
        spec:
          serviceAccountName: service-{name}
          containers: [{{name: app, env: [{{name: CALLS, value: "{calls}"}}]}}]
    """


APPS = (app("a", "http://app-b"), app("b"), app("c", "http://app-b http://app-a"))
TCP_ALPHA1 = """
    apiVersion: specs.smi-spec.io/v1alpha1
    kind: TCPRoute
    metadata: {name: tcp}
    ---
    apiVersion: access.smi-spec.io/v1alpha1
    kind: TrafficTarget
    metadata: {name: targets}
    destination: {kind: ServiceAccount, name: service-b, namespace: default}
    sources: [{kind: ServiceAccount, name: service-a, namespace: default}]
    specs: [{kind: TCPRoute, name: tcp}]
"""
ROUTES = """
    apiVersion: specs.smi-spec.io/v1alpha4
    kind: HTTPRouteGroup
    metadata: {name: routes}
    spec:
      matches:
      - {name: metrics, pathRegex: /metrics, methods: [GET]}
      - {name: version, pathRegex: "/v[0-9]+/.*", methods: ["*"], headers: {X-Key: "k.y"}}
      - {name: never, pathRegex: ".*"}
"""


def target(matches: str, version: str = "v1alpha3") -> str:
    return f"""
    apiVersion: access.smi-spec.io/{version}
    kind: TrafficTarget
    metadata: {{name: some}}
    spec:
      destination: {{kind: ServiceAccount, name: service-b, namespace: default}}
      sources: [{{kind: ServiceAccount, name: service-a, namespace: default}}]
      rules: [{{kind: HTTPRouteGroup, name: routes, matches: {matches}}}]
    """


async def test_who_is_named_may_call_and_all_others_may_not(tmp_path: Path) -> None:
    async with running(joined(NODE, *APPS, TCP_ALPHA1), tmp_path) as mesh:
        assert (await mesh.get("app-b", "/any", caller="app-a", method="POST")).status == 200
        denied = await mesh.get("app-b", "/any", caller="app-c")
        assert (denied.status, denied.body) == (403, "RBAC: access denied")
        assert (await mesh.get("app-a", caller="app-c")).status == 403  # nobody names it
        assert (await mesh.get("app-b")).status == 403  # the client has no service account


async def test_specs_narrow_it_to_paths_methods_and_headers(tmp_path: Path) -> None:
    text = joined(NODE, *APPS, ROUTES, target("[metrics, version]"))
    async with running(text, tmp_path) as mesh:

        async def status(path: str, method: str = "GET", **headers: str) -> int:
            answer = await mesh.get("app-b", path, headers, method, "app-a")
            return answer.status

        assert await status("/metrics") == 200
        assert await status("/metrics/x") == 200  # anchored at the beginning alone
        assert await status("/metrics", "POST") == 403
        assert await status("/echo") == 403
        assert await status("/v12/x", "PUT", **{"x-key": "key"}) == 200
        assert await status("/v12/x", "PUT", **{"x-key": "keys"}) == 403
        assert await status("/v/x", **{"x-key": "key"}) == 403


async def test_an_identity_binding_is_a_choice_of_schemes(imported: Callable[..., Draft]) -> None:
    binding = """
        apiVersion: access.smi-spec.io/v1alpha4
        kind: IdentityBinding
        metadata: {name: callers}
        spec:
          schemes:
            podLabelSelector: {matchLabels: {app: app-c}}
            spiffeIdentities: [cluster.local/ns/default/sa/service-a, other/path]
    """
    bound = target("[metrics]", "v1alpha4").replace(
        "sources: [{kind: ServiceAccount, name: service-a",
        "sources: [{kind: IdentityBinding, name: callers",
    )
    draft = imported(*APPS, ROUTES, binding, bound)
    (allow,) = (each.config for each in draft.filters_before("app-b"))
    assert [name.rpartition("/")[2] for name in allow.rules[0].principals] == ["app-a", "app-c"]


async def test_a_target_alone_takes_accounts_for_services(
    imported: Callable[..., Draft], told: Told
) -> None:
    draft = imported(TCP_ALPHA1)
    assert list(draft.mesh.services) == ["service-b", "service-a"]
    assert any("who is not named by a TrafficTarget is denied" in line for line in told(draft))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            ("service-a", "service-x"),
            "no workload runs as service account 'service-x' of namespace",
        ),
        (("name: routes, ", "name: other, "), "no file has the HTTPRouteGroup 'other': it lets"),
    ],
)
async def test_what_is_not_there_is_told(
    imported: Callable[..., Draft], told: Told, change: tuple[str, str], line: str
) -> None:
    draft = imported(*APPS, ROUTES, target("[metrics]").replace(*change))
    assert any(line in each for each in told(draft))
    (allow,) = (each.config for each in draft.filters_before("app-b"))
    assert allow.rules == ()


async def test_a_match_that_a_group_has_not_is_an_error(refusal: Callable[..., str]) -> None:
    assert refusal(*APPS, ROUTES, target("[metric]")).endswith(
        "HTTPRouteGroup 'routes' has no match 'metric'"
    )
