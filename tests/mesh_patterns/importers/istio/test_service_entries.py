from __future__ import annotations

from collections.abc import Callable

import pytest

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


def test_names_that_are_looked_up_are_services_of_their_own(imported: Import, told: Told) -> None:
    calls = service("web", calls="http://api.example.com/v1")
    hosts = "hosts: [api.example.com, www.example.com, '*.example.org']"
    draft = imported(calls, entry(f"{{{hosts}, {PORTS}, resolution: DNS}}"))
    outside = draft.mesh.services["api.example.com"]
    assert set(draft.mesh.services) == {"web", "api.example.com", "www.example.com"}
    assert draft.mesh.services["web"].calls == ("api.example.com",)
    assert outside.external is not None
    assert list(map(str, outside.external.addresses)) == ["api.example.com:443"]
    assert (outside.protocol, outside.external.tls) == ("tls", None)
    assert any("a ServiceEntry's host with a wildcard" in line for line in told(draft))


@pytest.mark.parametrize(
    ("spec", "protocol", "addresses"),
    [
        ("resolution: DNS, ports: [{number: 80, protocol: HTTP}]", "http", ["a.b:80"]),
        ("ports: [{number: 80, protocol: HTTP, targetPort: 8080}]", "http", ["a.b:8080"]),
        (
            "ports: [{number: 443, protocol: TLS}, {number: 80, protocol: HTTP2}]",
            "http",
            ["a.b:80"],
        ),
        ("ports: [{number: 1, protocol: GRPC}]", "grpc", ["a.b:1"]),
        ("ports: [{number: 5432, protocol: TCP}], addresses: [10.0.0.0/8]", "tcp", ["a.b:5432"]),
        (
            "ports: [{name: x, number: 80}], resolution: STATIC, endpoints: [{address: 1.2.3.4},"
            " {address: '::1', ports: {x: 81}}, {address: 'unix:///x'}]",
            "http",
            ["1.2.3.4:80", "[::1]:81"],
        ),
        ("resolution: DNS", "http", ["a.b:80"]),
    ],
)
def test_it_is_where_the_entry_says(
    imported: Import, spec: str, protocol: str, addresses: list[str]
) -> None:
    draft = imported(service("web"), entry(f"{{hosts: [a.b], {spec}}}"))
    outside = draft.mesh.services["a.b"]
    assert outside.external is not None
    assert outside.protocol == protocol
    assert list(map(str, outside.external.addresses)) == addresses


def test_for_a_part_of_the_mesh_the_echo_stands_in(imported: Import, told: Told) -> None:
    draft = imported(service("web"), entry(f"{{hosts: [a.b], {PORTS}, location: MESH_INTERNAL}}"))
    assert draft.mesh.services["a.b"].external is None
    lines = "\n".join(told(draft))
    assert "MESH_INTERNAL, so the echo stands in" in lines
    assert "ports.protocol: HTTPS is taken as plain HTTP" in lines


def test_a_port_that_is_none_is_refused(refusal: Callable[..., str]) -> None:
    assert "a port is a number, got 'x'" in refusal(
        service("web"), entry("{hosts: [a.b], ports: [{number: x}]}")
    )


def test_a_policy_for_it_finds_it(imported: Import, told: Told) -> None:
    rule = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: x}
spec: {host: www.example.com, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
"""
    at = "endpoints: [{address: 1.2.3.4}], resolution: STATIC"
    draft = imported(entry(f"{{hosts: [api.example.com, www.example.com], {at}}}"), rule)
    assert list(draft.mesh.services) == ["api.example.com"]
    assert draft.mesh.services["api.example.com"].hosts == ("www.example.com",)
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


def test_policies_of_a_namespace_are_not_for_what_others_run(imported: Import) -> None:
    policies = """---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: x}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: x}
spec: {jwtRules: [{issuer: a}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: x}
spec: {}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: x}
spec: {tracing: [{}]}
"""
    draft = imported(service("web"), entry(f"{{hosts: [a.b], {PORTS}}}"), policies)
    assert set(draft.mtls) == set(draft.traces) == {"web"}
    assert {str(each.inbound) for each in draft.filters} == {"web"}
