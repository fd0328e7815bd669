from __future__ import annotations

import pytest

from mesh_patterns.importers.dialects import dialect
from mesh_yaml.yaml import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{apiVersion: v1, kind: Service}", "kubernetes"),
        ("{name: x, services: {a: {type: Service.K8s}}}", "meshery"),
        ("{schemaVersion: designs.meshery.io/v1beta1, components: [{}]}", "meshery design"),
        ("{type: MeshRetry, name: x, mesh: default}", "kuma"),
        ("{type: Dataplane, name: x}", "kuma"),
        ('{"meshName": "m", "virtualNodeName": "a", "spec": {}}', "app mesh"),
        ('{"routeName": "r", "virtualRouterName": "a", "spec": {}}', "app mesh"),
        ('{"mesh": {"meshName": "m", "spec": {}}}', "app mesh"),
        ("{type: Retry, name: x, mesh: default}", "kuma"),
        ("{type: x, mesh: {services: {a: {}}}}", None),
        ("{name: x, mesh: {services: {a: {}}}}", None),
        ("{static_resources: {listeners: [{}]}}", "envoy"),
        ("{dynamicResources: {adsConfig: {}}, admin: {}}", "envoy"),
        ("[a, list]", None),
        ("text", None),
    ],
)
def test_a_document_is_known_by_its_keys(text: str, expected: str | None) -> None:
    assert dialect(parse(text, "x")[0]) == expected
