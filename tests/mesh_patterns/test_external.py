"""Where external services are, as files say it, and what such a service can't have."""

from __future__ import annotations

import re

import pytest

from mesh_patterns.external import Address, address
from mesh_patterns.model import CLIENT, EGRESS
from mesh_patterns.placement import proxies
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.conftest import Read


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("API.example.com:443", Address("api.example.com", 443)),
        ("10.0.0.1:80", Address("10.0.0.1", 80)),
        ("[::1]:80", Address("::1", 80)),
        ("db_1:5432", Address("db_1", 5432)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, found: Address) -> None:
    assert address(text) == found
    assert str(found) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ":80",
            "a",
            "a:",
            "a:0",
            "a:65536",
            "a:²",
            "::1:80",
            "[::1:80",
            "[a]:80",
            "10.0.0.300:1",
        ),
        *(
            "a b:1",
            "a..b:1",
            f"{'a' * 64}:1",
            f"{'a.' * 130}a:1",
            "http://a:80",
            "a:99999999999999",
        ),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected|between"):
        address(text)


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("external: 7", "expected a mapping"),
        ("external: a", "1:56: expected HOST:PORT, got 'a'"),
        ("external: []", "1:56: expected at least one entry"),
        (
            "external: 'a:1', run: x",
            "'pay' is external: the mesh runs nothing that could have 'run'",
        ),
        ("external: 'a:1', replicas: 2", "could have 'replicas'"),
        ("external: {addresses: '10.0.0.1:1', tls: true}", "say the 'sni': the addresses are no"),
        ("external: {addresses: 'a:1', tls: {ca: no.pem}}", "no file"),
    ],
)
def test_what_an_external_service_can_not_have(read: Read, service: str, told: str) -> None:
    with pytest.raises(DocumentError, match=re.escape(told)):
        read(f"mesh: {{services: {{web: {{calls: [pay]}}, pay: {{{service}}}}}}}")


def test_nothing_is_put_in_front_of_what_others_run(read: Read) -> None:
    mesh = "mesh: {services: {web: {calls: [pay]}, pay: {external: 'a:1'}}}\n"
    with pytest.raises(DocumentError, match="'pay' is external: no Envoy of the mesh is in front"):
        read(mesh + "patterns: [{pattern: mtls, on: pay}]")
    draft = read(mesh + "patterns: [{pattern: mtls, on: '*'}]")
    assert set(draft.mtls) == {"web"}
    with pytest.raises(DocumentError, match="nobody counts what arrives at pay: it is external"):
        read(mesh + "expect: [{to: pay, upstream: {pay: 1}}]")


def test_a_grpc_client_without_an_envoy_can_not_call_it(read: Read) -> None:
    with pytest.raises(DocumentError, match="can't call 'pay', which is external"):
        read("mesh: {services: {web: {calls: [pay], dataplane: grpc}, pay: {external: 'a:1'}}}")


def test_the_gateway_is_a_caller_of_all_that_is_external(read: Read) -> None:
    draft = read(
        "mesh: {egress: true, services: {web: {calls: [pay]}, pay: {external: 'a:1'}}}\n"
        "patterns: [{pattern: timeout, on: egress -> pay, after: 1s}]"
    )
    assert draft.mesh.callees(EGRESS) == ("pay",)
    assert [proxy.node for proxy in proxies(draft.mesh)] == ["web", "ingress", "egress"]
    assert draft.mesh.through_egress("web", "pay")
    assert draft.mesh.through_egress(CLIENT, "pay")
    assert not draft.mesh.through_egress(EGRESS, "pay")
    with pytest.raises(DocumentError, match="there is no egress gateway"):
        read("mesh: {services: {web: }}\nexpect: [{from: egress, status: 404}]")
