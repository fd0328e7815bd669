"""The ingress speaks TLS: who sees which certificate, and who has to show one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from mini_mesh.certificates.authority import Authority
from mini_mesh.certificates.issuer import utc_now
from mini_mesh.ports import Ports
from mini_mesh.proving.prover import prove
from tests.mini_mesh.live import Live, started, traffic

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESH = """
mesh:
  dataplane: node
  services:
    shop: {ingress: {hosts: [shop.test, "*.shop.test"], tls: true}}
    bank: {ingress: {hosts: [bank.test], tls: {cert: bank.pem, key: bank.key}}}
    member:
      ingress: {port: %d, tls: {mutual: true, min_version: "1.3", plaintext: refuse}}
    open: {ingress: true}
expect:
- {to: shop, from: ingress, host: shop.test, send: 5, status: 200}
- {to: shop, from: ingress, host: a.shop.test, status: 200}
- {to: shop, from: ingress, host: shop.test, scheme: http, path: "/a?b", status: 301,
   response_headers: {location: {regex: "https://shop.test/a\\\\?b"}}}
- {to: bank, from: ingress, host: bank.test, status: 200}
- {to: member, from: ingress, status: 200}
- {to: open, from: ingress, status: 200}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    folder = tmp_path_factory.mktemp("tls")
    issued = Authority.new("bank", utc_now).issue("dns:bank.test", timedelta(hours=1)).identity
    (folder / "bank.pem").write_bytes(issued.chain)
    (folder / "bank.key").write_bytes(issued.key)
    (folder / "bank-ca.pem").write_bytes(issued.bundle)
    with Ports() as ports:
        port = ports.take()
    async with started(folder, MESH % port) as live:
        yield live


def at(live: Live, service: str) -> int:
    url = live.mesh.state()["services"][service]["ingress"]
    return urlsplit(url).port or 0


def trusting(live: Live, *, shows: bool = False, ca: Path | None = None) -> ssl.SSLContext:
    files = live.mesh.state()["tls"]
    context = ssl.create_default_context(cafile=str(ca or files["ca"]))
    if shows:
        context.load_cert_chain(files["cert"], files["key"])
    return context


def mode(file: str) -> int:
    return Path(file).stat().st_mode


async def plain(port: int) -> bytes:
    """What comes back of a request in plaintext."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def shake(
    port: int, context: ssl.SSLContext, name: str, host: str | None = None
) -> tuple[int, Any]:
    """The status of a request and the certificate that was shown. Raises ssl.SSLError, OSError."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name
    )
    try:
        lines = f"GET / HTTP/1.1\r\nhost: {host or name}\r\nconnection: close\r\n\r\n"
        writer.write(lines.encode())
        answer = await reader.read()
        if not answer:
            raise OSError("hung up")
        shown = writer.get_extra_info("ssl_object").getpeercert()
        return int(answer.split(b" ")[1]), shown
    finally:
        writer.close()


async def test_all_that_is_claimed_of_it_holds(live: Live) -> None:
    proofs = [proof async for proof in prove(live.mesh)]
    assert [proof.title for proof in proofs if not proof.holds] == []
    assert len(proofs) == 6


async def test_ready_says_https_and_what_a_client_needs(live: Live) -> None:
    services = live.mesh.state()["services"]
    schemes = {name: urlsplit(each["ingress"]).scheme for name, each in services.items()}
    assert schemes == {"shop": "https", "bank": "https", "member": "https", "open": "http"}
    assert at(live, "shop") == at(live, "bank") != at(live, "open")
    assert mode(live.mesh.state()["tls"]["key"]) & 0o077 == 0


async def test_each_name_has_its_own_certificate(live: Live) -> None:
    port, folder = at(live, "shop"), live.file.parent
    status, shown = await shake(port, trusting(live), "a.shop.test")
    assert status == 200
    assert ("DNS", "*.shop.test") in shown["subjectAltName"]
    status, shown = await shake(port, trusting(live, ca=folder / "bank-ca.pem"), "bank.test")
    assert status == 200
    assert ("DNS", "bank.test") in shown["subjectAltName"]
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake(port, trusting(live), "bank.test")


async def test_without_a_name_the_meshs_own_is_shown_for_this_machine(live: Live) -> None:
    status, _ = await shake(at(live, "shop"), trusting(live), "127.0.0.1", "shop.test")
    assert status == 200


async def test_who_shows_no_certificate_is_turned_away_where_one_is_wanted(live: Live) -> None:
    port = at(live, "member")
    assert (await shake(port, trusting(live, shows=True), "localhost"))[0] == 200
    with pytest.raises((ssl.SSLError, OSError)):
        await shake(port, trusting(live), "localhost")


async def test_an_old_tls_and_plaintext_are_refused_where_that_is_said(live: Live) -> None:
    port, old = at(live, "member"), trusting(live, shows=True)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, OSError)):
        await shake(port, old, "localhost")
    assert await plain(port) == b""
    context = trusting(live)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert (await shake(at(live, "shop"), context, "shop.test"))[0] == 200


async def test_it_speaks_http_2_to_who_does(live: Live) -> None:
    context = trusting(live)
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection(
        "127.0.0.1", at(live, "shop"), ssl=context, server_hostname="shop.test"
    )
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()


async def test_certificates_are_renewed_and_no_request_fails(live: Live) -> None:
    port = at(live, "shop")
    _, before = await shake(port, trusting(live), "shop.test")
    async with traffic(live, "open") as flow:
        for _ in range(3):
            live.mesh._certificates.renew(live.mesh.control, live.mesh.draft)
            await live.mesh.control.in_effect()
            await flow.more(20)
            assert (await shake(port, trusting(live), "shop.test"))[0] == 200
    _, after = await shake(port, trusting(live), "shop.test")
    assert before["serialNumber"] != after["serialNumber"]
    assert flow.failed == []
