from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.model import MESH_CA

Told = Callable[[Draft], list[str]]
TO = "- route: [{destination: {host: reviews}}]"


def gateway(hosts: str, port: str = "{number: 80, protocol: HTTP}", more: str = "") -> str:
    return f"""
        apiVersion: networking.istio.io/v1
        kind: Gateway
        metadata: {{name: edge}}
        spec: {{selector: {{istio: x}}, servers: [{{hosts: {hosts}, port: {port}{more}}}]}}
    """


def test_a_host_that_its_gateway_does_not_answer_to_is_told(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told
) -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: reviews}}"
    draft = imported(gateway("[b.com]"), vs(TO, "[a.com]", gateways="[edge]"), pod)
    assert draft.mesh.services["reviews"].ingress is None
    assert (
        "2.yaml:5:11: host 'a.com' is none of its Gateway's ('b.com'): "
        "nothing reaches VirtualService 'x' there" in told(draft)
    )


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (gateway("['*']", "{number: 1, protocol: UDP}"), "a server that speaks UDP"),
        (gateway("['*']", "{protocol: TLS}", ", tls: {mode: SIMPLE}"), "a server that speaks TLS"),
        (gateway("['*']", more=", tls: {mode: SIMPLE}"), "that speaks HTTP: served in plain text"),
        (
            gateway("['*']", more=", tls: {httpsRedirect: true}"),
            "httpsRedirect where nothing is served with TLS",
        ),
    ],
)
def test_servers_of_other_protocols_are_told(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told, text: str, warning: str
) -> None:
    draft = imported(text, vs(TO), vs(TO, gateways="[edge]", name="y"))
    assert any(warning in line for line in told(draft))


def test_a_gateway_may_name_the_namespace_of_its_guests(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    draft = imported(gateway("['*/a.com']"), vs(TO, "[a.com]", gateways="[default/edge]"))
    ingress = draft.mesh.services["reviews"].ingress
    assert ingress is not None
    assert ingress.hosts == ("a.com",)


def test_a_server_without_hosts_is_an_error(refusal: Callable[..., str]) -> None:
    text = gateway("[]").replace("hosts: [], ", "")
    assert refusal(text).splitlines()[0] == "1.yaml:5:40: a server has no 'hosts'"


HTTPS = "{number: 443, protocol: HTTPS}"


@pytest.mark.parametrize(
    ("tls", "clients", "oldest", "told_of"),
    [
        ("{mode: SIMPLE, credentialName: x}", None, "1.2", "one of the mesh's own authority"),
        (
            "{mode: MUTUAL, credentialName: x, minProtocolVersion: TLSV1_3}",
            MESH_CA,
            "1.3",
            "clients show certificates of the mesh's own authority",
        ),
        ("{mode: OPTIONAL_MUTUAL}", None, "1.2", "OPTIONAL_MUTUAL, taken for SIMPLE"),
        ("{mode: SIMPLE, cipherSuites: [a]}", None, "1.2", "servers.tls.cipherSuites"),
    ],
)
def test_what_a_gateway_serves_with_tls_the_ingress_does(
    imported: Callable[..., Draft],
    vs: Callable[..., str],
    told: Told,
    tls: str,
    clients: Path | None,
    oldest: str,
    told_of: str,
) -> None:
    draft = imported(
        gateway(
            "[a.com]",
            HTTPS,
            f", tls: {tls}}}, {{hosts: [a.com], port: {{protocol: HTTP}}, "
            "tls: {httpsRedirect: true}",
        ),
        vs(TO, "[a.com]", gateways="[edge]"),
    )
    ingress = draft.mesh.services["reviews"].ingress
    assert ingress is not None
    assert ingress.tls is not None
    assert (ingress.hosts, ingress.tls.clients, ingress.tls.oldest) == (("a.com",), clients, oldest)
    assert ingress.tls.redirect
    assert any(told_of in line for line in told(draft))


def test_what_is_served_both_ways_is_served_in_plain_text(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told
) -> None:
    both = gateway("[a.com]", HTTPS, "}, {hosts: [a.com], port: {protocol: HTTP}")
    two = gateway("[a.com]", HTTPS, "}, {hosts: [b.com], port: {protocol: HTTP}")
    for text, hosts in ((both, "[a.com]"), (two, "[a.com, b.com]")):
        draft = imported(text, vs(TO, hosts, gateways="[edge]"))
        ingress = draft.mesh.services["reviews"].ingress
        assert ingress is not None
        assert ingress.tls is None
        assert any("served with TLS and without" in line for line in told(draft))
