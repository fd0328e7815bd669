from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.importers.objects import family

POD = """
    apiVersion: v1
    kind: Pod
    metadata: {name: web, labels: {app: web}}
    spec: {containers: [{name: web}]}
"""


@pytest.mark.parametrize(
    ("api_version", "expected"),
    [
        ("v1", "kubernetes"),
        ("apps/v1", "kubernetes"),
        ("networking.istio.io/v1alpha3", "istio"),
        ("gateway.networking.k8s.io/v1", "gateway-api"),
        ("serving.knative.dev/v1", "serving.knative.dev"),
    ],
)
def test_a_gateway_of_istio_is_told_from_others_of_that_name(
    api_version: str, expected: str
) -> None:
    assert family(api_version) == expected


def test_a_list_stands_for_its_items(imported: Callable[..., Draft]) -> None:
    draft = imported("""
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}
        - {apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {}}
    """)
    assert list(draft.mesh.services) == ["a", "b"]


def test_what_comes_later_replaces_what_came_earlier(
    imported: Callable[..., Draft], told: Callable[[Draft], list[str]]
) -> None:
    later = POD.replace("app: web", "app: web, version: v2")
    draft = imported(POD, later)
    assert [version.name for version in draft.mesh.services["web"].versions] == ["v2"]
    assert (
        "2.yaml:4:18: 'Pod web': defined before, first at 1.yaml:4:18; the later one replaces it"
        in told(draft)
    )


def test_an_object_without_a_name_is_an_error_with_its_place(refusal: Callable[..., str]) -> None:
    assert refusal("{apiVersion: v1, kind: Service, spec: {}}") == (
        "1.yaml:1:1: a Service has no 'metadata.name'"
    )


def test_a_service_of_another_family_is_no_service(refusal: Callable[..., str]) -> None:
    text = "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a}}"
    assert refusal(text).endswith("got 1 Service")
