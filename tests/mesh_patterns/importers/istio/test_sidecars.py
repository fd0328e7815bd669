from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

CALLS = "http://api.default http://db.far"
SERVICES = (
    service("web", calls=CALLS)
    + service("api")
    + service("db", namespace="far")
    + service("other", calls=CALLS)
)


def sidecar(spec: str, name: str = "x", namespace: str = "default") -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
"""


WEB = "workloadSelector: {labels: {app: web}}"
SPEC = (
    f"{{{WEB}, egress: [{{hosts: [./api, 'far/*']}}], outboundTrafficPolicy: {{mode: ALLOW_ANY}}}}"
)


@pytest.mark.parametrize(
    ("hosts", "calls"),
    [
        ("['./*']", {"api"}),
        ("['far/*', './other.default.svc.cluster.local']", {"db", "other"}),
        ("['*/*']", {"api", "db"}),
        ("['~/*']", set()),
        ("['*/db.far.svc.cluster.local']", {"db"}),
        ("['./api', 'far/db']", {"api", "db"}),
    ],
)
def test_a_workload_calls_whom_its_sidecar_knows(
    imported: Import, told: Told, hosts: str, calls: set[str]
) -> None:
    draft = imported(SERVICES, sidecar(f"{{{WEB}, egress: [{{hosts: {hosts}}}]}}"))
    services = draft.mesh.services
    assert set(services["web"].calls) == calls
    assert set(services["other"].calls) == {"api", "db"}
    lost = {"api", "db"} - calls
    assert any("know nothing of" in line for line in told(draft)) == bool(lost)


def test_the_nearest_counts_and_without_egress_nothing_changes(imported: Import) -> None:
    everywhere = sidecar("{egress: [{hosts: ['~/*']}]}", namespace="istio-system")
    here = sidecar("{egress: [{hosts: ['./*']}]}", "y")
    services = imported(SERVICES, everywhere, here).mesh.services
    assert set(services["web"].calls) == {"api"}
    assert set(imported(SERVICES, sidecar("{}")).mesh.services["web"].calls) == {"api", "db"}


def test_a_sidecar_is_enough_to_know_of_calls(imported: Import, told: Told) -> None:
    spec = f"{{{WEB}, egress: [{{hosts: [./api, ./gone]}}]}}"
    draft = imported(service("web"), service("api"), sidecar(spec))
    assert draft.mesh.services["web"].calls == ("api",)
    lines = "\n".join(told(draft))
    assert "no calls between these services are known" not in lines
    assert "no file has the service 'gone': not called" in lines


@pytest.mark.parametrize(
    ("spec", "warning"),
    [
        ("{ingress: [{port: {number: 80}}]}", "not imported yet: ingress"),
        ("{egress: [{hosts: ['*/*'], port: {number: 1}}]}", "not imported yet: egress.port"),
        ("{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}", "unknown hosts are a 404, not a 502"),
        ("{outboundTrafficPolicy: {mode: ALLOW_ANY}}", "ALLOW_ANY, unknown hosts are a 404"),
    ],
)
def test_what_is_not_taken_is_told(imported: Import, told: Told, spec: str, warning: str) -> None:
    assert any(warning in line for line in told(imported(SERVICES, sidecar(spec))))
