"""Which services there are: of proxies, of MeshServices, and outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesh_patterns.importers.conversion import Converted
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.kuma.conftest import SHOP, policy, proxy

Convert = Callable[..., Converted]


def services(converted: Convert, *texts: str) -> dict[str, Any]:
    (tree,) = converted(*texts).trees
    found: Any = tree.find("mesh", "services").plain()
    return found


def test_proxies_of_one_service_are_its_versions_or_its_replicas(converted: Convert) -> None:
    found = services(converted, SHOP, proxy("web-2"))
    assert found == {
        "web": {"replicas": 2, "calls": ["api"], "hosts": ["web.mesh"]},
        "app": {"calls": ["api"], "hosts": ["app.mesh"]},
        "api": {"versions": {"v1": {}, "v2": {}}, "hosts": ["api.mesh"]},
    }


def test_without_a_protocol_a_service_speaks_tcp_as_kuma_has_it(converted: Convert) -> None:
    text = proxy("db-1").replace(", kuma.io/protocol: http", "")
    assert services(converted, text)["db"]["protocol"] == "tcp"


def test_a_mesh_service_of_some_versions_is_a_name_for_them(converted: Convert) -> None:
    selector = "{selector: {dataplaneTags: {kuma.io/service: api, version: v2}}, ports: []}"
    (tree,) = converted(SHOP, policy("MeshService", selector, "api-new")).trees
    patterns: Any = (tree.get("patterns") or tree).plain()
    assert patterns[0]["rules"][0]["to"] == {"api/v2": 1}
    assert "api-new" in patterns[0]["rules"][0]["hosts"]


def test_what_is_outside_is_where_its_endpoints_are(converted: Convert) -> None:
    new = policy(
        "MeshExternalService",
        "{match: {type: HostnameGenerator, port: 443, protocol: http}, endpoints: [{address: "
        "pay.example, port: 443}], tls: {enabled: true, verification: {serverName: p.example}}}",
        "pay",
    )
    old = (
        "\n---\n{type: ExternalService, mesh: default, name: m, tags: {kuma.io/service: maps, "
        "kuma.io/protocol: http}, networking: {address: '10.0.0.9:80', tls: {enabled: false}}}\n"
    )
    second = old.replace("name: m,", "name: n,").replace("'10.0.0.9:80'", "'10.0.0.9:81'")
    found = services(converted, proxy("web-1", "pay", "maps"), new, old, second)
    assert found["web"]["calls"] == ["pay", "maps"]
    assert found["pay"] == {
        "external": {"addresses": ["pay.example:443"], "tls": {"sni": "p.example"}},
        "hosts": ["pay.extsvc.mesh.local"],
    }
    assert found["maps"]["external"] == {"addresses": ["10.0.0.9:80", "10.0.0.9:81"]}


def test_calls_are_taken_from_policies_where_nobody_says_them(converted: Convert) -> None:
    allowed = policy(
        "MeshTrafficPermission",
        "{targetRef: {kind: MeshService, name: api}, from: [{targetRef: {kind: MeshSubset, "
        "tags: {kuma.io/service: web}}, default: {action: Allow}}]}",
    )
    done = converted(proxy("web-1"), proxy("api-1"), allowed)
    assert done.trees[0].find("mesh", "services", "web").plain()["calls"] == ["api"]  # type: ignore[index,call-overload]
    assert any("calls are taken from policies: 'web → api'" in w.message for w in done.warnings)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{type: Dataplane, mesh: m, name: a}", "Dataplane 'a' has no 'networking'"),
        ("{type: Dataplane, mesh: m}", "a Dataplane has no 'name'"),
        (
            "{type: Dataplane, mesh: m, name: a, networking: {inbound: [{port: 1}]}}",
            "an inbound has no 'tags'",
        ),
        (
            "{type: MeshRetry, mesh: m, name: a, spec: {targetRef: {kind: MeshServic}}}",
            "unknown kind 'MeshServic'; did you mean 'MeshService'",
        ),
        (
            "{type: MeshRetry, mesh: m, name: a, spec: {to: {}}}",
            "expected a list, got a mapping",
        ),
    ],
)
def test_what_is_wrong_is_one_line(converted: Convert, text: str, line: str) -> None:
    with pytest.raises(DocumentError, match=line) as caught:
        converted(text)
    assert all("\n" not in str(each) for each in caught.value.problems)
