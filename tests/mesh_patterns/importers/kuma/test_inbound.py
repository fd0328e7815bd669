"""What stands before workloads: who may call, limits, faults, certificates, logs, filters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.kuma.conftest import SHOP, Patterns, policy, proxy

Said = Callable[..., list[str]]
API = "{kind: MeshService, name: api}"


def permission(action: str, whom: str, ref: str = API, name: str = "p") -> str:
    item = f"{{targetRef: {whom}, default: {{action: {action}}}}}"
    return policy("MeshTrafficPermission", f"{{targetRef: {ref}, from: [{item}]}}", name)


WEB = "{kind: MeshSubset, tags: {kuma.io/service: web}}"


def mesh(mtls: str) -> str:
    return f"\n---\n{{type: Mesh, name: default{mtls}}}\n"


ON = mesh(", mtls: {enabledBackend: c, backends: [{name: c, type: builtin, mode: PERMISSIVE}]}")


def test_who_is_not_allowed_is_denied_and_the_narrower_policy_counts(made: Patterns) -> None:
    everybody = permission("Allow", "{kind: Mesh}", "{kind: Mesh}", "a")
    found = made(SHOP, everybody, permission("Deny", WEB), kind="authorization")
    assert found == [
        {"pattern": "authorization", "on": "api", "allow": [{}], "deny": [{"from": ["web"]}]}
    ]


def test_where_no_permission_is_about_a_service_nobody_gets_in(made: Patterns) -> None:
    found = made(SHOP, permission("ALLOW", WEB), kind="authorization")
    assert {each["on"]: each["allow"] for each in found} == {
        "web": [], "app": [], "api": [{"from": ["web"]}],
    }  # fmt: skip


def test_a_shadow_of_a_denial_lets_in_and_counts(made: Patterns) -> None:
    found = made(SHOP, permission("AllowWithShadowDeny", WEB), kind="authorization")
    about = [each for each in found if each["on"] == "api"]
    assert about[0]["allow"] == [{"from": ["web"]}]
    assert about[1] == {
        "pattern": "authorization", "on": "api", "deny": [{"from": ["web"]}], "dry_run": True
    }  # fmt: skip


def test_spiffe_ids_are_service_accounts_and_a_denial_wins(made: Patterns) -> None:
    pods = (
        "\n---\n{apiVersion: v1, kind: Service, metadata: {name: s, namespace: n}, "
        "spec: {selector: {app: s}, ports: [{port: 80, name: http}]}}\n"
        "\n---\n{apiVersion: v1, kind: Pod, metadata: {name: s, namespace: n, labels: {app: s}}, "
        "spec: {serviceAccountName: robot}}\n"
    )
    spiffe = "{spiffeID: {type: %s, value: 'spiffe://m.local%s'}}"
    rules = (
        f"{{rules: [{{default: {{allow: [{spiffe % ('Prefix', '/')}], "
        f"deny: [{spiffe % ('Exact', '/ns/n/sa/robot')}]}}}}]}}"
    )
    found = made(SHOP, pods, policy("MeshTrafficPermission", rules), kind="authorization")
    assert found[0]["allow"] == [{}]
    assert found[0]["deny"] == [{"from": ["s"]}]


def test_in_a_mesh_without_certificates_permissions_mean_nothing(
    made: Patterns, said: Said
) -> None:
    texts = (SHOP, mesh(""), permission("Allow", WEB))
    assert made(*texts) == []
    assert any("in a Mesh without mtls, where they mean nothing" in line for line in said(*texts))


def test_a_mesh_says_how_certificates_are_asked_for_and_mesh_tls_of_some(made: Patterns) -> None:
    tls = policy(
        "MeshTLS",
        f"{{targetRef: {API}, from: [{{targetRef: {{kind: Mesh}}, default: {{mode: Strict}}}}]}}",
    )
    assert made(SHOP, ON, tls) == [
        {"pattern": "mtls", "on": "*", "mode": "permissive"},
        {"pattern": "mtls", "on": "api", "mode": "strict", "override": True},
    ]


def test_a_backend_that_is_not_there_is_refused(made: Patterns) -> None:
    with pytest.raises(DocumentError, match="Mesh 'default' has no backend 'x'"):
        made(SHOP, mesh(", mtls: {enabledBackend: x}"))


@pytest.mark.parametrize(
    "rate", ["requestRate: {num: 5, interval: 10s}", "requests: 5, interval: 10s"]
)
def test_a_limit_stands_before_the_workload(made: Patterns, rate: str) -> None:
    conf = f"{{local: {{http: {{{rate}, onRateLimit: {{status: 423}}}}}}}}"
    spec = f"{{targetRef: {API}, from: [{{targetRef: {{kind: Mesh}}, default: {conf}}}]}}"
    assert made(SHOP, policy("MeshRateLimit", spec)) == [
        {"pattern": "rate_limit", "on": "api", "limit": "5/10s", "status": 423}
    ]


def test_a_fault_before_one_version_and_for_one_caller(made: Patterns, said: Said) -> None:
    abort = "{http: [{abort: {httpStatus: 500, percentage: '2.5'}}]}"
    slow = "{http: [{delay: {value: 1s, percentage: 10}, responseBandwidth: {limit: 50mbps, percentage: 100}}]}"  # noqa: E501
    one = "{kind: MeshServiceSubset, name: api, tags: {version: v2}}"
    texts = (
        SHOP,
        policy(
            "MeshFaultInjection",
            f"{{targetRef: {one}, from: [{{targetRef: {{kind: Mesh}}, default: {abort}}}]}}",
        ),
        policy(
            "MeshFaultInjection",
            f"{{targetRef: {{kind: MeshService, name: web}}, "
            f"to: [{{targetRef: {API}, default: {slow}}}]}}",
            "q",
        ),
    )
    assert made(*texts) == [
        {"pattern": "fault", "on": "api/v2", "abort": {"status": 500, "percent": 2.5}},
        {
            "pattern": "fault", "on": "web -> api", "delay": {"fixed": "1s", "percent": 10.0},
            "response_rate_limit": "50000KiB/s",
        },
    ]  # fmt: skip


def test_a_log_lies_beside_the_file_and_knows_no_placeholders_of_kuma(
    made: Patterns, said: Said
) -> None:
    backend = (
        "{type: File, file: {path: /var/log/x.log, format: {type: Plain, "
        "plain: '%KUMA_MESH% %KUMA_ZONE% %START_TIME%'}}}"
    )
    item = f"[{{targetRef: {{kind: Mesh}}, default: {{backends: [{backend}]}}}}]"
    texts = (SHOP, policy("MeshAccessLog", f"{{to: {item}, from: {item}}}"))
    assert made(*texts) == [
        {"pattern": "access_log", "on": "*", "file": "x.log", "text": "default - %START_TIME%"}
    ]
    assert any("file.path" in line for line in said(*texts))


def test_traces_have_tags_and_a_share(made: Patterns) -> None:
    conf = (
        "{sampling: {random: 50}, tags: [{name: a, literal: b}, {name: c, header: {name: d}}], "
        "backends: [{type: Zipkin, zipkin: {url: 'http://z/api'}}]}"
    )
    assert made(proxy("api-1"), policy("MeshTrace", f"{{default: {conf}}}")) == [
        {
            "pattern": "tracing", "on": "*", "sampling": 50,
            "tags": {"a": {"literal": "b"}, "c": {"header": "d"}},
        }
    ]  # fmt: skip


def test_a_patch_that_adds_a_filter_is_that_filter(made: Patterns, said: Said) -> None:
    text = (
        "name: l\\ntypedConfig:\\n  '@type': type.googleapis.com/envoy.extensions.filters.http.lua"
        ".v3.Lua\\n  inlineCode: x\\n"
    )
    add = f'{{httpFilter: {{operation: AddLast, match: {{origin: inbound}}, value: "{text}"}}}}'
    spec = f"{{default: {{appendModifications: [{add}, {{cluster: {{operation: Remove}}}}]}}}}"
    texts = (proxy("api-1"), policy("MeshProxyPatch", spec))
    (found,) = made(*texts)
    assert found["on"] == "api"
    assert found["config"]["inlineCode"] == "x"
    assert any("a modification of cluster" in line for line in said(*texts))


def test_what_is_said_elsewhere_or_of_some_callers_is_told(made: Patterns, said: Said) -> None:
    rule = "{matches: [{spiffeId: {type: Exact, value: x}}], default: {http: []}}"
    texts = (
        SHOP,
        policy("MeshTimeout", "{rules: [{default: {idleTimeout: 1s}}]}"),
        policy("MeshFaultInjection", f"{{rules: [{rule}]}}"),
    )
    assert made(*texts) == []
    lines = said(*texts)
    assert any("not imported yet: rules (MeshTimeout 'p')" in line for line in lines)
    assert any("a rule of some callers, by their SPIFFE ids" in line for line in lines)


def test_a_policy_in_the_shadow_does_nothing_and_is_told(made: Patterns, said: Said) -> None:
    text = permission("Deny", WEB).replace("name: p,", "name: p, labels: {kuma.io/effect: shadow},")
    allowed = permission("Allow", "{kind: Mesh}", "{kind: Mesh}", "a")
    assert made(SHOP, allowed, text, kind="authorization") == []
    assert any("in the shadow" in line for line in said(SHOP, allowed, text))
