from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
OWN = "mesh: {services: {shop: {versions: {v1: , v2: }}}}\n"


def policy(selector: str, namespace: str = "default") -> str:
    return f"""---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: x, namespace: {namespace}}}
spec: {{action: DENY, rules: [{{}}], selector: {{matchLabels: {selector}}}}}
"""


def before(draft: Draft) -> list[str]:
    return [str(each.inbound) for each in draft.filters]


def test_labels_select_workloads_of_the_policys_namespace(imported: Import) -> None:
    assert before(imported(service("a"), service("b", "far"), policy("{version: v1}"))) == ["a"]


def test_in_the_root_namespace_they_select_workloads_of_all(imported: Import) -> None:
    rooted = policy("{version: v1}", "istio-system")
    assert before(imported(service("a"), service("b", "far"), rooted)) == ["a", "b"]


def test_a_workload_that_no_file_has_is_the_service_of_its_app(
    imported: Import, told: Told
) -> None:
    draft = imported(policy("{app: httpbin, version: v1}"))
    assert before(draft) == ["httpbin"]
    assert [each.name for each in draft.mesh.services["httpbin"].versions] == ["v1"]
    assert any("no file has the service 'httpbin'" in line for line in told(draft))


def test_a_service_of_our_own_language_is_known_by_its_app(imported: Import) -> None:
    assert before(imported(OWN, policy("{app: shop}"))) == ["shop"]
    assert before(imported(OWN, policy("{app: shop, version: v2}"))) == ["shop/v2"]


def test_a_selector_of_nobody_is_told(imported: Import, told: Told) -> None:
    draft = imported(service("a"), policy("{tier: none}"))
    assert before(draft) == []
    assert any("AuthorizationPolicy 'x' selects no workload here" in line for line in told(draft))
