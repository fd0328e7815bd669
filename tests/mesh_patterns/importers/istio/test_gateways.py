from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft

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
        (gateway("['*']", "{number: 1, protocol: TCP}"), "a server that speaks TCP"),
        (gateway("['*']", more=", tls: {mode: SIMPLE}"), "servers.tls: served in plain text"),
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
