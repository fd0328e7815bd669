from __future__ import annotations

from collections.abc import Callable
from textwrap import indent

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

CONFIG = """\
extensionProviders:
- {name: judge, envoyExtAuthzHttp: {service: judge.default.svc.cluster.local, port: 80}}
trustDomain: example.org
enableAutoMtls: true
defaultConfig: {concurrency: 2}
novelty: 1
"""
OPERATOR = f"""---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {{name: x}}
spec:
  profile: demo
  components: {{pilot: 1}}
  meshConfig:
{indent(CONFIG, "    ")}
"""
MAP = f"""---
apiVersion: v1
kind: ConfigMap
metadata: {{name: istio, namespace: istio-system}}
data:
  mesh: |
{indent(CONFIG, "    ")}
"""
ALONE = f"""---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: {{name: x}}
{CONFIG}
"""
CUSTOM = """---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask}
spec: {selector: {matchLabels: {app: api}}, action: CUSTOM, provider: {name: judge}, rules: [{}]}
"""


@pytest.mark.parametrize("config", [OPERATOR, MAP, ALONE])
def test_providers_are_found_however_the_config_is_written(
    imported: Import, told: Told, config: str
) -> None:
    draft = imported(service("api"), service("judge"), config, CUSTOM)
    (ask,) = draft.filters_before("api")
    assert (ask.kind, str(ask.config.service)) == ("ext_authz", "judge")
    lines = "\n".join(told(draft))
    for what in ("meshConfig.novelty", "meshConfig.trustDomain", "defaultConfig.concurrency"):
        assert f"not imported yet: {what}" in lines
    assert "enableAutoMtls" not in lines


def test_a_proxys_config_is_told(imported: Import, told: Told) -> None:
    proxy = """---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: x}
spec: {concurrency: 0, image: {imageType: debug}}
"""
    assert any("not imported yet: image" in line for line in told(imported(service("a"), proxy)))


def test_a_text_that_is_no_yaml_is_refused(refusal: Callable[..., str]) -> None:
    broken = MAP.replace("novelty: 1", "novelty: [")
    assert "2.yaml" in refusal(service("a"), broken)
    assert "ConfigMap" not in refusal(service("a"), broken)
