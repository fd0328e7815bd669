"""Where requests go, inside and from gateways."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_yaml.place import DocumentError
from tests.mesh_patterns.importers.kuma.conftest import SHOP, Patterns, policy, proxy

Said = Callable[..., list[str]]
TO = "{targetRef: {kind: MeshService, name: api}, rules: [%s]}"
V1, V2 = (
    f"{{kind: MeshServiceSubset, name: api, tags: {{version: v{n}}}}}" for n in (1, 2)
)  # fmt: skip


def rule(matches: str, backend: str, more: str = "") -> str:
    return f"{{matches: [{matches}], default: {{backendRefs: [{backend}]{more}}}}}"


def route(*rules: str, ref: str = "{kind: Mesh}", name: str = "r") -> str:
    return policy("MeshHTTPRoute", f"{{targetRef: {ref}, to: [{TO % ', '.join(rules)}]}}", name)


def test_what_asks_for_more_goes_first_across_routes(made: Patterns) -> None:
    """Exact before prefix before expression, longer before shorter, then by what else is asked."""
    found = made(
        SHOP,
        route(
            rule("{path: {type: RegularExpression, value: /a+}}", V1),
            rule("{path: {type: PathPrefix, value: /}}", V1),
            rule("{path: {type: PathPrefix, value: /long}, method: GET}", V1),
        ),
        route(
            rule("{path: {type: Exact, value: /x}}", V2),
            rule("{path: {type: PathPrefix, value: /long}}", V2),
            name="s",
        ),
    )
    matches = [each.get("match", {}) for each in found[0]["rules"]]
    assert matches == [
        {"path": {"exact": "/x"}},
        {"path": {"separated_prefix": "/long"}, "method": "GET"},
        {"path": {"separated_prefix": "/long"}},
        {},
        {"path": {"regex": "/a+"}},
    ]
    assert found[0]["otherwise"] == "not_found"


def test_of_two_rules_with_the_same_matches_the_narrower_routes_backends_count(
    made: Patterns,
) -> None:
    whole = "{path: {type: PathPrefix, value: /}}"
    web = "{kind: MeshSubset, tags: {kuma.io/service: web}}"
    headers = ", filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}]"  # noqa: E501
    found = made(SHOP, route(rule(whole, V1, headers)), route(rule(whole, V2), ref=web, name="s"))
    assert {each["on"]: each["rules"] for each in found} == {
        "client -> api": [{"to": {"api/v1": 1}, "headers": {"request": {"set": {"a": "b"}}}}],
        "app -> api": [{"to": {"api/v1": 1}, "headers": {"request": {"set": {"a": "b"}}}}],
        "web -> api": [{"to": {"api/v2": 1}, "headers": {"request": {"set": {"a": "b"}}}}],
    }


def test_what_no_rule_matches_goes_to_the_service(made: Patterns) -> None:
    (found,) = made(SHOP, route(rule("{path: {type: Exact, value: /x}}", V2)))
    assert "otherwise" not in found


def test_a_subset_that_nobody_is_of_is_refused(made: Patterns) -> None:
    backend = V1.replace("v1", "v9")
    with pytest.raises(DocumentError, match="no proxy of 'api' has the tags version: v9"):
        made(SHOP, route(rule("{path: {type: PathPrefix, value: /}}", backend)))


def test_a_policy_of_one_route_is_for_its_rules(made: Patterns) -> None:
    timeout = policy(
        "MeshTimeout",
        "{targetRef: {kind: MeshHTTPRoute, name: r}, "
        "to: [{targetRef: {kind: Mesh}, default: {http: {requestTimeout: 1s}}}]}",
    )
    (found,) = made(SHOP, route(rule("{path: {type: PathPrefix, value: /}}", V1)), timeout)
    assert found["rules"] == [{"to": {"api/v1": 1}, "timeout": "1s"}]


def test_connections_are_split_in_hundredths(made: Patterns) -> None:
    tcp = SHOP.replace("kuma.io/protocol: http", "kuma.io/protocol: tcp")
    backends = f"{V1[:-1]}, weight: 1}}, {V2[:-1]}, weight: 2}}"
    spec = f"{{to: [{TO % f'{{default: {{backendRefs: [{backends}]}}}}'}]}}"
    (found,) = made(tcp, policy("MeshTCPRoute", spec))
    assert found["weights"] == {"api/v1": 33, "api/v2": 67}


def test_routes_at_a_gateway_are_for_its_names(made: Patterns, said: Said) -> None:
    gateway = (
        "\n---\n{type: MeshGateway, mesh: default, name: g, selectors: [{match: {kuma.io/service: "
        "e}}], conf: {listeners: [{port: 80, protocol: HTTP, hostname: '*.example'}]}}\n"
    )
    at = policy(
        "MeshHTTPRoute",
        "{targetRef: {kind: MeshGateway, name: g}, to: [{targetRef: {kind: Mesh}, hostnames: "
        "[api.example, other.org], rules: ["
        + rule("{path: {type: PathPrefix, value: /a}}", "{kind: MeshService, name: api}")
        + "]}]}",
    )
    (found,) = made(SHOP, gateway, at)
    assert found["on"] == "ingress -> api"
    assert found["rules"] == [{"match": {"path": {"separated_prefix": "/a"}}, "to": {"api": 1}}]


def test_a_route_to_what_speaks_no_http_is_told(said: Said) -> None:
    tcp = proxy("api-1").replace("kuma.io/protocol: http", "kuma.io/protocol: tcp")
    lines = said(tcp, route(rule("{}", "{kind: MeshService, name: api}")))
    assert any("MeshHTTPRoute to 'api', which speaks tcp" in line for line in lines)
