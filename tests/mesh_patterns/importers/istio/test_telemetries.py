from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def telemetry(spec: str, name: str = "x", namespace: str = "default") -> str:
    return f"""---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
"""


def config(more: str) -> str:
    return f"""---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {{name: x}}
spec: {{meshConfig: {{{more}}}}}
"""


SPEC = """{accessLogging: [{filter: {expression: "response.code >= 500"}, disabled: false}],
  tracing: [{randomSamplingPercentage: 5, customTags: {a: {literal: {value: b}}}}]}"""
WEB = "selector: {matchLabels: {app: web}}"


def log(draft: Draft, name: str = "web") -> Any:
    (placed,) = draft.logs[name]
    return placed.value


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        ("response.code >= 400", (400, 599)),
        ("response.code == 404", (404, 404)),
        ("response.code < 500 && response.code >= 400", (400, 499)),
        ("response.code > 499", (500, 599)),
        ("connection.mtls", None),
        ("response.code >= 400 || true", None),
        ("response.code > 400 && response.code > 410", (411, 599)),
        ("response.code<300", (0, 299)),
    ],
)
def test_a_log_is_of_the_statuses_that_a_simple_expression_names(
    imported: Import, told: Told, expression: str, status: tuple[int, int] | None
) -> None:
    spec = f"{{accessLogging: [{{filter: {{expression: '{expression}'}}}}]}}"
    draft = imported(service("web"), telemetry(spec))
    assert log(draft).file.name == "access.log"
    assert log(draft).condition.status == status
    assert any("every request is logged" in line for line in told(draft)) == (status is None)


def test_the_nearest_counts(imported: Import, told: Told) -> None:
    draft = imported(
        service("web") + service("api") + service("far", namespace="far"),
        telemetry(
            "{accessLogging: [{providers: [{name: envoy}]}], tracing: [{}], metrics: [{}]}",
            namespace="istio-system",
        ),
        telemetry("{tracing: [{randomSamplingPercentage: 50}]}", "y"),
        telemetry(f"{{{WEB}, accessLogging: [{{disabled: true}}]}}", "z"),
    )
    assert set(draft.logs) == {"api", "far"}
    assert {name: placed.value.percent for name, placed in draft.traces.items()} == {
        "web": 50,
        "api": 50,
        "far": 1,
    }
    lines = "\n".join(told(draft))
    assert "not imported yet: metrics" in lines
    assert "a telemetry provider: the file access.log beside this one gets it" in lines


def test_spans_have_tags_and_inherit_how_many_there_are(imported: Import, told: Told) -> None:
    tags = (
        "{a: {literal: {value: x}}, b: {header: {name: x-b, defaultValue: no}},"
        " c: {environment: {name: C}}, d: {formatter: {value: '%X%'}}}"
    )
    draft = imported(
        service("web"),
        telemetry("{tracing: [{randomSamplingPercentage: 30}]}", namespace="istio-system"),
        telemetry(f"{{tracing: [{{customTags: {tags}}}]}}", "y"),
    )
    found = draft.traces["web"].value
    assert found.percent == 30
    assert found.tags == (("a", "literal", "x"), ("b", "header", "x-b"), ("c", "env", "C"))
    lines = "\n".join(told(draft))
    assert "customTags.header.defaultValue" in lines
    assert "a customTag of another kind" in lines


def test_who_reports_no_spans_has_none(imported: Import) -> None:
    draft = imported(service("web"), telemetry("{tracing: [{disableSpanReporting: true}]}"))
    assert draft.traces == {}


@pytest.mark.parametrize(
    ("more", "text", "fields"),
    [
        ("accessLogFile: /dev/stdout", "", True),
        ("accessLogFile: /dev/stdout, accessLogFormat: '%PROTOCOL%'", "%PROTOCOL%", False),
        (
            'accessLogFile: x, accessLogEncoding: JSON, accessLogFormat: \'{"a": "%PROTOCOL%"}\'',
            *("", True),
        ),
    ],
)
def test_what_holds_for_the_mesh_may_be_in_its_config(
    imported: Import, more: str, text: str, fields: bool
) -> None:
    tracing = "defaultConfig: {tracing: {sampling: 20}}"
    draft = imported(service("web"), config(f"{more}, {tracing}"))
    assert (log(draft).text, bool(log(draft).fields)) == (text, fields)
    assert draft.traces["web"].value.percent == 20


def test_it_is_of_the_ingress_too(imported: Import, vs: Callable[..., str]) -> None:
    route = vs("- route: [{destination: {host: web}}]", hosts="['*']", gateways="[g]")
    everywhere = telemetry("{tracing: [{}]}", namespace="istio-system")
    assert set(imported(service("web"), route, everywhere).traces) == {"web", "ingress"}


def test_of_versions_it_is_of_all_and_told(imported: Import, told: Told) -> None:
    two = service("a") + service("a-2").replace("app: a-2, version: v1", "app: a, version: v2")
    spec = "{selector: {matchLabels: {version: v2}}, tracing: [{}, {}]}"
    draft = imported(two, telemetry(spec))
    assert set(draft.traces) == {"a"}
    lines = "\n".join(told(draft))
    assert "it holds for all versions of 'a'" in lines
    assert "another tracing than the first" in lines
