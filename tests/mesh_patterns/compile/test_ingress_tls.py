from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.identity import wanted
from mesh_patterns.placement import Placement
from tests.mesh_patterns.conftest import Read, Refusal
from xds_server.resource import ResourceType

PAIR = "{cert: a.pem, key: a.key}"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    for name in ("a.pem", "a.key", "ca.pem"):
        (tmp_path / name).write_text("pem")


def mesh(**ingress: str) -> str:
    services = ", ".join(f"{name}: {{ingress: {at}}}" for name, at in ingress.items())
    return f"name: Shop\nmesh: {{services: {{{services}}}}}\n"


def test_a_port_has_one_certificate_for_all_its_names(read: Read) -> None:
    a, b = "{hosts: [a.test, '*.a.test'], tls: true}", "{hosts: [b.test], tls: true}"
    draft = read(mesh(a=a, b=b))
    assert wanted(draft) == {
        "ingress:tls": "dns:a.test,*.a.test,b.test",
        "client": "spiffe://shop/client",
    }
    snapshot = compile_mesh(draft, Placement.imagined(draft.mesh))["ingress"]
    assert list(snapshot.resources(ResourceType.SECRET)) == ["certificate:ingress:tls"]


def test_what_is_asked_of_clients_is_the_same_at_a_port(read: Read) -> None:
    draft = read(mesh(a="{tls: true}", b="{hosts: [b.test], tls: mutual}"))
    assert set(wanted(draft)) == {"ingress:tls", "ingress:tls-mutual", "client"}


def test_who_brings_his_own_needs_none_of_ours(read: Read) -> None:
    draft = read(mesh(a=f"{{tls: {PAIR}}}"))
    assert wanted(draft) == {}
    files = {path.name for path in (draft.mesh.services["a"].ingress.tls.pair or ())}  # type: ignore[union-attr]
    assert files == {"a.pem", "a.key"}


@pytest.mark.parametrize(
    ("ingress", "told"),
    [
        ({"a": "{tls: {cert: a.pem}}"}, "cert and key need each other"),
        ({"a": "{tls: {client_ca: ca.pem}}"}, "add 'mutual: true'"),
        ({"a": "{tls: {cert: none.pem, key: a.key}}"}, "can't read"),
        (
            {"a": "{hosts: [a], port: 8443, tls: true}", "b": "{port: 8443}"},
            "which has another 'tls'",
        ),
        (
            {"a": "{hosts: [a], port: 8443, tls: mutual}", "b": "{port: 8443, tls: true}"},
            "the port is shared with 2:32, which has another 'tls'",
        ),
        (
            {"a": "{hosts: [a.test, x.test], tls: true}", "b": f"{{hosts: [x.test], tls: {PAIR}}}"},
            "'b' and 'a' (at 2:19) both answer for host 'x.test'",
        ),
    ],
)
def test_services_that_share_a_port_agree(
    refusal: Refusal, ingress: dict[str, str], told: str
) -> None:
    assert told in refusal(mesh(**ingress))


def test_where_there_are_no_requests_there_is_no_tls_of_the_ingress(refusal: Refusal) -> None:
    text = "mesh: {services: {db: {protocol: tcp, ingress: {tls: true}}}}\n"
    assert "the ingress ends TLS of requests only" in refusal(text)


def test_each_trust_domain_has_its_own_authority(read: Read, tmp_path: Path) -> None:
    (tmp_path / "west.pem").write_text("a bundle")
    tls = "{mutual: true, client_ca: {west: west.pem, north: ./west.pem}}"
    found = read(mesh(a=f"{{tls: {tls}}}")).mesh.services["a"].ingress
    assert found is not None
    assert found.tls is not None
    file = tmp_path / "west.pem"
    assert found.tls.clients == (("west", file), ("north", file))


@pytest.mark.parametrize(
    ("trusted", "told"),
    [
        ("{West: ca.pem}", "West"),
        ("{west: none.pem}", "can't read"),
        ("{west: }", "expected text"),
    ],
)
def test_a_trust_domain_is_one_and_has_a_file(refusal: Refusal, trusted: str, told: str) -> None:
    assert told in refusal(mesh(a=f"{{tls: {{mutual: true, client_ca: {trusted}}}}}"))


@pytest.mark.parametrize("egress", ["true", "false"])
def test_who_is_to_show_a_certificate_to_others_has_one(read: Read, egress: str) -> None:
    there = "{external: {addresses: 'api.test:443', tls: {mutual: true}}}"
    text = f"mesh: {{egress: {egress}, services: {{web: {{calls: [api]}}, api: {there}}}}}\n"
    expected = {"web", "client", "ingress", *(["egress"] if egress == "true" else [])}
    assert set(wanted(read(text))) == expected
