"""Mutual TLS in a real Envoy: who gets in, who does not, and what the workload is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.compile.tls import renewed
from mesh_patterns.draft import Draft
from mesh_patterns.identity import Identity
from mesh_patterns.model import Instance
from mesh_patterns.placement import Placement, inbound
from mini_mesh.certificates.authority import Authority
from mini_mesh.certificates.issuer import Issuer, utc_now
from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.conftest import Read
from tests.mesh_patterns.running import Running, running
from xds_server import mirror
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

HOUR = timedelta(hours=1)
MESH = """\
name: shop
mesh: {dataplane: node, services: {web: {calls: [api]}, api: , open: }}
patterns: [{pattern: mtls, on: api, mode: strict}]
"""
REFUSED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


def client(folder: Path, identity: Identity | None, bundle: bytes) -> ssl.SSLContext:
    """A client that trusts ``bundle``, and shows ``identity``'s certificate if it has one."""
    context = ssl.create_default_context(cadata=bundle.decode())
    context.check_hostname = False  # a SPIFFE id is no host's name
    if identity is not None:
        both = folder / "both.pem"
        both.write_bytes(identity.chain + identity.key)
        context.load_cert_chain(both)
    return context


async def ask(mesh: Running, service: str, context: ssl.SSLContext | None) -> int:
    """The status of a request straight to the listener in front of a workload."""
    port = mesh.placement.port(inbound(Instance(service, "")))
    url = f"{'https' if context else 'http'}://{LOOPBACK}:{port}/"
    # a connection of its own: nothing that an earlier one was granted counts
    async with aiohttp.ClientSession() as http, http.get(url, ssl=context or True) as answer:
        return answer.status


async def test_strict_takes_the_meshs_callers_and_nobody_else(tmp_path: Path) -> None:
    async with running(MESH, tmp_path) as mesh:
        web = mesh.identities["web"]
        assert await ask(mesh, "api", client(tmp_path, web, web.bundle)) == 200

        with pytest.raises(REFUSED):
            await ask(mesh, "api", None)
        with pytest.raises(REFUSED):
            await ask(mesh, "api", client(tmp_path, None, web.bundle))
        stranger = Authority.new("shop", utc_now).issue(web.uri, HOUR).identity
        with pytest.raises(REFUSED):
            await ask(mesh, "api", client(tmp_path, stranger, web.bundle))
        assert mesh.upstream.reached == {"api": 1}
        assert await ask(mesh, "open", None) == 200


async def test_the_workload_is_told_who_calls_whatever_the_caller_says(tmp_path: Path) -> None:
    async with running(MESH, tmp_path) as mesh:
        lie = {"x-forwarded-client-cert": "URI=spiffe://shop/admin"}
        for caller in ("web", "client"):
            told = (await mesh.get("api", caller=caller, headers=lie)).got(
                "x-forwarded-client-cert"
            )
            assert [part for each in told for part in each.split(";") if "Hash" not in part] == [
                "By=spiffe://shop/api",
                f"URI=spiffe://shop/{caller}",
            ]


async def test_envoys_own_dump_does_not_tell_the_key_and_neither_do_we(tmp_path: Path) -> None:
    async with running(MESH, tmp_path) as mesh:
        dump = f"http://{LOOPBACK}:{mesh.admin}/config_dump?resource=dynamic_active_secrets"
        async with mesh.http.get(dump) as response:
            secrets = (await response.json(content_type=None))["configs"]
        theirs = {each["name"]: each["secret"] for each in secrets}
        name = "certificate:api"
        assert theirs[name]["tls_certificate"]["private_key"] == {"inline_string": "[redacted]"}
        compiled = compile_mesh(mesh.draft, mesh.placement, mesh.identities)["node"]
        ours = compiled.resources(ResourceType.SECRET)[name]
        shown = mirror.render(ours.type.type_url, ours.body)
        assert {"@type": ours.type.type_url, **shown} == theirs[name]


async def test_a_callee_that_is_somebody_else_is_not_spoken_to(tmp_path: Path) -> None:
    async with running(MESH, tmp_path, _with_another_api) as mesh:
        assert (await mesh.get("api")).status == 503
        assert await mesh.stat("cluster.client->api.ssl.fail_verify_san") >= 1
        assert mesh.upstream.reached == {}


def _with_another_api(draft: Draft) -> Mapping[str, Identity]:
    authority = Authority.new("shop", utc_now)
    uris = {"web": "web", "client": "client", "api": "mallory"}
    return {
        name: authority.issue(f"spiffe://shop/{uri}", HOUR).identity for name, uri in uris.items()
    }


async def test_permissive_takes_plaintext_too_and_the_mesh_sends_none(tmp_path: Path) -> None:
    async with running(MESH.replace("strict", "permissive"), tmp_path) as mesh:
        web = mesh.identities["web"]
        assert await ask(mesh, "api", None) == 200
        assert await ask(mesh, "api", client(tmp_path, web, web.bundle)) == 200
        with pytest.raises(REFUSED):
            await ask(mesh, "api", client(tmp_path, None, web.bundle))
        handshakes = await mesh.stat("cluster.client->api.ssl.handshake")
        assert (await mesh.get("api")).got("x-forwarded-client-cert") != []
        assert await mesh.stat("cluster.client->api.ssl.handshake") == handshakes + 1


async def test_who_shows_nothing_is_nobody_whatever_he_says(tmp_path: Path) -> None:
    async with running(MESH.replace("strict", "permissive"), tmp_path) as mesh:
        port = mesh.placement.port(inbound(Instance("api", "")))
        lie = {"x-forwarded-client-cert": "URI=spiffe://shop/admin"}
        async with mesh.http.get(f"http://{LOOPBACK}:{port}/", headers=lie) as answer:
            told = dict((await answer.json())["headers"])
        assert told["host"] == f"{LOOPBACK}:{port}"
        assert "x-forwarded-client-cert" not in told


async def test_a_listener_speaks_tls_1_3_and_http2_to_who_can(tmp_path: Path) -> None:
    async with running(MESH, tmp_path) as mesh:
        web = mesh.identities["web"]
        context = client(tmp_path, web, web.bundle)
        context.set_alpn_protocols(["h2", "http/1.1"])
        port = mesh.placement.port(inbound(Instance("api", "")))
        _, writer = await asyncio.open_connection(LOOPBACK, port, ssl=context)
        found = writer.get_extra_info("ssl_object")
        assert (found.selected_alpn_protocol(), found.version()) == ("h2", "TLSv1.3")
        writer.close()


# What is compiled, without an Envoy.

SIDECARS = """\
name: shop
mesh: {services: {web: {calls: [api, open], ingress: true}, api: {versions: {v1: , v2: }}, open: }}
patterns:
- {pattern: mtls, on: api, mode: permissive}
- {pattern: canary, on: api, weights: {v1: 90, v2: 10}}
"""


def snapshots(read: Read, text: str = SIDECARS) -> tuple[Draft, dict[str, Snapshot]]:
    draft = read(text)
    identities = Issuer().identities(draft)
    return draft, compile_mesh(draft, Placement.imagined(draft.mesh), identities)


def test_each_envoy_gets_the_secrets_that_it_needs_and_nobody_elses(read: Read) -> None:
    _, found = snapshots(read)
    assert {node: list(each.resources(ResourceType.SECRET)) for node, each in found.items()} == {
        "web": ["bundle:mesh", "certificate:web"],
        "api-v1": ["bundle:mesh", "certificate:api-v1"],
        "api-v2": ["bundle:mesh", "certificate:api-v2"],
        "open": [],
        "ingress": ["bundle:mesh", "certificate:client"],
    }


def test_only_callers_of_who_wants_certificates_have_clusters_of_their_own(read: Read) -> None:
    _, found = snapshots(read)
    assert list(found["web"].resources(ResourceType.CLUSTER)) == [
        *("local:web", "open", "web->api", "web->api/v1", "web->api/v2")
    ]
    assert "web" in found["ingress"].resources(ResourceType.CLUSTER)


def test_one_envoy_for_all_holds_one_certificate_for_each(read: Read) -> None:
    node = MESH.replace("web: {calls", "web: {versions: {v1: , v2: }, calls")
    _, found = snapshots(read, node)
    assert list(found["node"].resources(ResourceType.SECRET)) == [
        *("bundle:mesh", "certificate:api", "certificate:client", "certificate:web-v1")
    ]


def test_renewed_certificates_change_secrets_and_nothing_else(read: Read) -> None:
    draft, found = snapshots(read)
    before = found["web"]
    issuer = Issuer()
    after = renewed(before, issuer.identities(draft))
    changed = {each.name for each in after if each not in list(before)}
    assert changed == {"bundle:mesh", "certificate:web"}
    assert [each.name for each in renewed(before, {})] == [each.name for each in before]
    assert list(renewed(before, {})) == list(before)


def test_an_error_is_told_at_the_patterns_line(read: Read) -> None:
    _, found = snapshots(read)
    cluster = found["web"].resources(ResourceType.CLUSTER)["web->api/v2"]
    listener = found["api-v1"].resources(ResourceType.LISTENER)["inbound-api-v1"]
    secret = found["web"].resources(ResourceType.SECRET)["certificate:web"]
    assert cluster.place_of("transport_socket.typed_config") == "mesh.yaml:4:3"
    assert listener.place_of("filter_chains[0].transport_socket") == "mesh.yaml:4:3"
    assert secret.place_of("") == "mesh.yaml:4:3"


def test_what_is_shown_of_a_secret_is_not_its_key(read: Read) -> None:
    draft, found = snapshots(read)
    secret = found["web"].resources(ResourceType.SECRET)["certificate:web"]
    shown = mirror.render(secret.type.type_url, secret.body)
    assert shown["tls_certificate"]["private_key"] == {"inline_string": "[redacted]"}
    assert b"PRIVATE KEY" in secret.body
