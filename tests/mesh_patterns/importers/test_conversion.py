from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft, Target
from mesh_yaml.place import DocumentError

DEPLOYMENT = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: reviews-v1}
    spec: {template: {metadata: {labels: {app: reviews, version: v1}}, spec: {containers: []}}}
"""
VIRTUAL_SERVICE = """
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata: {name: reviews}
    spec:
      hosts: [reviews]
      http:
      - route: [{destination: {host: reviews, subset: v1}}]
"""


def test_files_of_two_dialects_that_name_a_service_mean_the_same(
    imported: Callable[..., Draft],
) -> None:
    meshery = """
        name: canary
        services:
          split:
            type: VirtualService.Istio
            settings:
              hosts: [reviews]
              http: [{route: [{destination: {host: reviews, subset: v1}}]}]
    """
    draft = imported(DEPLOYMENT, meshery)
    assert list(draft.mesh.services) == ["reviews"]
    rule = draft.edges["client", "reviews"].rules[0]
    assert [weighted.target for weighted in rule.split] == [Target("reviews", "v1")]


def test_a_service_of_our_own_file_is_the_one_that_foreign_policy_names(
    imported: Callable[..., Draft], told: Callable[[Draft], list[str]]
) -> None:
    own = "mesh: {services: {reviews: {versions: {v1: {run: sleep 9}, v2: {}}}}}"
    draft = imported(own, DEPLOYMENT, VIRTUAL_SERVICE)
    assert [version.run for version in draft.mesh.services["reviews"].versions] == ["sleep 9", None]
    assert draft.edges["client", "reviews"].rules[0].split[0].target == Target("reviews", "v1")
    assert (
        "2.yaml:4:18: Deployment 'reviews-v1' is left aside: 'reviews' is described at 1.yaml:1:19"
        in told(draft)
    )


def test_a_version_that_our_own_file_lacks_is_an_error(refusal: Callable[..., str]) -> None:
    own = "mesh: {services: {reviews: {versions: {v2: {}}}}}"
    assert refusal(own, VIRTUAL_SERVICE) == (
        "2.yaml:8:27: 'reviews' has no version 'v1'; there is 'v2'"
    )


def test_an_error_in_a_foreign_value_points_at_its_line(refusal: Callable[..., str]) -> None:
    text = VIRTUAL_SERVICE + "        timeout: soon\n"
    assert refusal(text) == (
        "1.yaml:9:14: timeout: expected a duration such as 250ms, 2s or 1m30s, got 'soon'"
    )


def test_all_errors_of_all_files_are_told_together(refusal: Callable[..., str]) -> None:
    nameless = "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}}"
    hostless = VIRTUAL_SERVICE.replace("hosts: [reviews]", "hosts: []")
    assert refusal(nameless, hostless).splitlines() == [
        "1.yaml:1:78: DestinationRule 'd' has no 'host'",
        "2.yaml:4:18: VirtualService 'reviews' has no 'hosts'",
    ]


def test_files_without_anything_to_run_are_refused_in_one_line(refusal: Callable[..., str]) -> None:
    assert refusal("""
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}
        - {apiVersion: v1, kind: ServiceAccount, metadata: {name: b}}
        - {apiVersion: v1, kind: Namespace, metadata: {name: c}}
    """) == (
        "1.yaml:2:1: has nothing that a mesh could run: expected a workload, a Service, or "
        "policy that leads to one, got 2 ServiceAccount, 1 Namespace"
    )


def test_another_format_with_services_is_refused_with_what_was_wanted(
    refusal: Callable[..., str],
) -> None:
    assert refusal("services:\n  web:\n    image: nginx\n") == (
        "1.yaml:2:3: 'web' has no 'type'; expected one such as Service.K8s"
    )


@pytest.mark.parametrize("kind", ["Deployment", "Service", "VirtualService", "Gateway"])
@pytest.mark.parametrize("spec", ["[]", "text", "{template: 1}", "{hosts: {}}", "{servers: [1]}"])
def test_any_shape_is_read_or_refused(
    imported: Callable[..., Draft], tmp_path: Path, kind: str, spec: str
) -> None:
    group = "networking.istio.io/v1" if kind in ("VirtualService", "Gateway") else "v1"
    text = f"{{apiVersion: {group}, kind: {kind}, metadata: {{name: a}}, spec: {spec}}}"
    try:
        imported(text)
    except DocumentError as error:
        assert str(error).startswith("1.yaml:")  # noqa: PT017 # it may also be read
