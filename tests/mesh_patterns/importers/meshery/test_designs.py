"""Designs as Meshery's own catalogue has them: YAML, or JSON, with ids for edges to name."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.importers.meshery.designs import SCHEMAS

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

DESIGN = """\
id: 00000000-0000-0000-0000-000000000000
name: Shop
schemaVersion: designs.meshery.io/v1beta1
version: 0.0.1
components:
- id: aaaa
  displayName: web
  schemaVersion: components.meshery.io/v1beta1
  component: {kind: Deployment, version: apps/v1, schema: ''}
  model: {name: kubernetes, version: v1.0.0, model: {version: v1.32.0}}
  styles: {position: {x: 1, y: 2}}
  capabilities: [{kind: action}]
  configuration:
    metadata: {namespace: shop}
    spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{image: web}]}}}
  metadata: {isAnnotation: false, isNamespaced: true, dependsOn: [api]}
- id: bbbb
  displayName: api
  component: {kind: Service, version: v1}
  model: {name: kubernetes}
  configuration: {metadata: {namespace: shop}, spec: {selector: {app: api}}}
- id: cccc
  displayName: api-v1
  component: {kind: Pod, version: v1}
  model: {name: kubernetes}
  configuration:
    metadata: {namespace: shop, labels: {app: api, version: v1}}
    spec: {containers: [{image: api}]}
- id: dddd
  displayName: routes
  component: {kind: VirtualService, version: networking.istio.io/v1}
  model: {name: istio-base}
  configuration:
    metadata: {namespace: shop}
    spec: {hosts: [api], http: [{timeout: 2s, route: [{destination: {host: api}}]}]}
- id: eeee
  displayName: a box
  component: {kind: Section, version: core.meshery.io/v1alpha1}
  model: {name: meshery-core}
  metadata: {isAnnotation: true}
- id: ffff
  displayName: secrets
  component: {kind: Secret, version: v1}
  model: {name: kubernetes}
relationships:
- kind: edge
  type: non-binding
  subType: network
  selectors: [{allow: {from: [{id: aaaa, kind: Deployment}], to: [{id: dddd}]}, deny: {}}]
- {kind: edge, subType: network, selectors: [{allow: {from: [{id: dddd}], to: [{id: bbbb}]}}]}
- {kind: edge, subType: mount, selectors: [{allow: {from: [{id: ffff}], to: [{id: aaaa}]}}]}
- {kind: hierarchical, subType: inventory, selectors: [{allow: {from: [{id: aaaa}]}}]}
"""


def test_components_are_objects_and_edges_are_calls(imported: Import, told: Told) -> None:
    draft = imported(DESIGN)
    services = draft.mesh.services
    assert draft.mesh.name == "Shop"
    assert {name: [v.name for v in each.versions] for name, each in services.items()} == {
        "web": [""],
        "api": ["v1"],
    }
    assert services["web"].calls == ("api",), "through the policy in between"
    assert "api.shop.svc.cluster.local" in services["api"].hosts
    assert len(draft.edges["web", "api"].rules) == 1
    lines = told(draft)
    assert any("an edge of subType 'mount' is none of calls" in line for line in lines)
    assert any("ignored: 1 annotation, 1 Secret" in line for line in lines)
    assert any("dependsOn of 'aaaa'" in line for line in lines)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_all_three_schemas_and_json_are_one_mesh(imported: Import, schema: str) -> None:
    from ruamel.yaml import YAML

    text = DESIGN.replace("v1beta1\nversion", f"{schema}\nversion")
    as_json = json.dumps(YAML(typ="safe", pure=True).load(text))
    for draft in (imported(text), imported(as_json)):
        assert list(draft.mesh.services) == ["api", "web"]
        assert draft.mesh.services["web"].calls == ("api",)


def test_a_later_schema_is_read_as_the_last_one_that_is_known(imported: Import, told: Told) -> None:
    draft = imported(DESIGN.replace("io/v1beta1\nversion", "io/v1beta9\nversion"))
    assert list(draft.mesh.services) == ["api", "web"]
    assert any("designs.meshery.io/v1beta9 is read as v1beta3" in line for line in told(draft))


def test_what_is_no_design_is_refused_in_one_line(refusal: Callable[..., str]) -> None:
    assert refusal("{schemaVersion: models.meshery.io/v1beta1, components: []}") == (
        "1.yaml:1:17: has components, but its schemaVersion is 'models.meshery.io/v1beta1', "
        "expected designs.meshery.io/v1beta3"
    )
    empty = "{schemaVersion: designs.meshery.io/v1beta1, components: [], name: x}"
    assert "has nothing that a mesh could run" in refusal(empty)


def test_a_component_without_a_kind_is_told_by_its_id(refusal: Callable[..., str]) -> None:
    text = "{schemaVersion: designs.meshery.io/v1beta1, components: [{id: a, displayName: b}]}"
    assert refusal(text) == "1.yaml:1:79: 'a' has no 'type'; expected one such as Service.K8s"
