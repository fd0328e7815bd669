from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def entry(spec: str) -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: x}}
spec: {spec}
"""


PORTS = "ports: [{number: 443, name: https, protocol: HTTPS}]"


def test_what_is_outside_is_a_service_of_all_its_names(imported: Import, told: Told) -> None:
    calls = service("web", calls="http://api.example.com/v1")
    hosts = "hosts: [api.example.com, www.example.com, '*.example.org']"
    draft = imported(calls, entry(f"{{{hosts}, {PORTS}, resolution: DNS}}"))
    outside = draft.mesh.services["api.example.com"]
    assert outside.hosts == ("www.example.com",)
    assert draft.mesh.services["web"].calls == ("api.example.com",)
    lines = "\n".join(told(draft))
    assert "outside of the mesh, so the echo stands in (ServiceEntry 'x')" in lines
    assert "a ServiceEntry's host with a wildcard" in lines
    assert "ports.protocol: HTTPS is taken as plain HTTP" in lines


def test_a_policy_for_it_finds_it(imported: Import, told: Told) -> None:
    rule = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: x}
spec: {host: www.example.com, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
"""
    draft = imported(entry("{hosts: [api.example.com, www.example.com]}"), rule)
    assert list(draft.mesh.services) == ["api.example.com"]
    assert "load_balancing" in draft.edges["client", "api.example.com"].settings
    assert not any("no file has the service" in line for line in told(draft))


def test_machines_are_workloads_that_services_select(imported: Import) -> None:
    machine = """---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm}
spec: {address: 2.2.2.2, labels: {app: a, version: v2}, serviceAccount: vm}
"""
    draft = imported(service("a"), machine)
    assert [version.name for version in draft.mesh.services["a"].versions] == ["v1", "v2"]


def test_an_entry_without_hosts_is_refused(refusal: Callable[..., str]) -> None:
    assert "ServiceEntry 'x' has no 'hosts'" in refusal(service("a"), entry("{}"))
