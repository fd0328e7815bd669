from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.importers.meshery.components import Component, objects
from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object
from mesh_yaml.yaml import parse


def made(text: str, key: str = "web") -> list[Object]:
    component = Component(key, parse(text, "a.yaml")[0], "a.yaml")
    return list(objects(component, component.name, Notes()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type: VirtualService.Istio", ("istio", "VirtualService")),
        ("{type: VirtualService, model: istio}", ("istio", "VirtualService")),
        ("{type: Gateway, model: istio-base}", ("istio", "Gateway")),
        ("type: VirtualService", ("istio", "VirtualService")),
        ("type: Service.K8s", ("kubernetes", "Service")),
        ("{type: Deployment, model: kubernetes}", ("kubernetes", "Deployment")),
        ("{type: IstioMesh, model: ISTIO}", ("istio", "IstioMesh")),
        ("{type: Component, model: dapr}", ("dapr", "Component")),
    ],
)
def test_a_type_is_spelled_in_three_ways(text: str, expected: tuple[str, str]) -> None:
    assert [(each.family, each.kind) for each in made(text)] == [expected]


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("key", "type: Service.K8s", "key"),
        ("key", "{type: Service.K8s, name: own}", "own"),
        ("key", "{type: Service.K8s, settings: {name: stray}}", "key"),
        (
            "1c3f3526-01ec-4e1a-9dbe-24425dc9d4da",
            "{type: Service.K8s, settings: {name: stray}}",
            "stray",
        ),
    ],
)
def test_a_component_is_called_by_its_name_or_its_key(key: str, text: str, expected: str) -> None:
    assert [each.name for each in made(text, key)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "{type: Service.K8s, settings: {name: a, namespace: b, ports: [1]}}",
        "{type: Service.K8s, settings: {name: a, spec: {ports: [1]}}}",
    ],
)
def test_settings_are_a_spec_or_hold_one(text: str) -> None:
    assert [each.spec.plain() for each in made(text)] == [{"ports": [1]}]


def test_an_application_is_a_deployment_and_a_service_that_selects_it(
    imported: Callable[..., Draft],
) -> None:
    draft = imported("""
        name: a
        services:
          web:
            type: Application
            settings:
              containers: [{name: web, ports: [{containerPort: 80, name: grpc}]}]
              advanced: {labels: {version: v3}}
    """)
    service = draft.mesh.services["web"]
    assert ([version.name for version in service.versions], service.protocol) == (["v3"], "grpc")


def test_an_application_may_do_without_a_service() -> None:
    text = "{type: Application, settings: {containers: [], advanced: {create_service: false}}}"
    assert [each.kind for each in made(text)] == ["Deployment"]


def test_an_unknown_part_of_a_component_is_told(
    imported: Callable[..., Draft], told: Callable[[Draft], list[str]]
) -> None:
    lines = told(imported("services: {web: {type: Service.K8s, replicas: 3}}"))
    assert "1.yaml:1:37: not imported yet: replicas ('web')" in lines
