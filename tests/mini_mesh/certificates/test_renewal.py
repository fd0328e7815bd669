"""Certificates change under load, and nobody notices but those who look."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from cryptography import x509

from mesh_patterns.model import Instance
from mesh_patterns.placement import reached
from mini_mesh.certificates.issuer import Issuer
from mini_mesh.certificates.renewal import Renewal
from mini_mesh.control.plane import ControlPlane
from mini_mesh.events import Event, Renewed
from mini_mesh.ports import LOOPBACK
from tests.mesh_patterns.running import drafted
from tests.mini_mesh.live import Live, started

MESH = """\
name: shop
mesh: {services: {web: {calls: [api], ingress: true}, api: }}
patterns: [{pattern: mtls, on: '*', cert_ttl: 10s}]
"""
RATE, SECONDS, ROTATIONS = 200, 2.0, 5


async def serial(live: Live, service: str) -> int:
    """Of the certificate that a service's Envoy shows now."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])  # without it gRPC hangs up
    plan = live.mesh.plan
    port = plan.placement.port(reached(plan.mesh, Instance(service, "")))
    _, writer = await asyncio.open_connection(LOOPBACK, port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


async def until_other(live: Live, service: str, old: int) -> int:
    async with asyncio.timeout(10):
        while (now := await serial(live, service)) == old:
            pass  # each look is a connection of its own
    return now


async def load(live: Live) -> list[int | str]:
    """The fate of each of 200 requests a second, sent at their time whatever became of others."""
    url = str(live.mesh.state()["ingress"])
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def one(http: aiohttp.ClientSession, at: float) -> int | str:
        await asyncio.sleep(start + at - loop.time())
        try:
            async with http.get(url) as answer:
                body = await answer.json()
                return int(answer.status if answer.status != 200 else body["calls"][0]["status"])
        except aiohttp.ClientError as error:
            return repr(error)

    async with aiohttp.ClientSession() as http:
        return await asyncio.gather(*(one(http, i / RATE) for i in range(int(RATE * SECONDS))))


async def stats(live: Live, node: str) -> dict[str, int]:
    names = "^listener_manager.(listener_modified|listener_in_place_updated|listener_added)$"
    url = f"http://{live.mesh.admins[node]}/stats?format=json&filter={names}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return {each["name"]: each["value"] for each in (await answer.json())["stats"]}


async def test_certificates_are_renewed_under_load_without_a_failed_request(
    tmp_path: Path,
) -> None:
    async with started(tmp_path, MESH) as live:
        before = await stats(live, "api")
        seen = [await serial(live, "api")]
        loading = asyncio.ensure_future(load(live))
        for _ in range(ROTATIONS):
            await asyncio.sleep(SECONDS / (ROTATIONS + 1))
            live.mesh.renew_certificates()
            seen.append(await until_other(live, "api", seen[-1]))
        fates = await loading
        assert fates == [200] * int(RATE * SECONDS)
        assert len(set(seen)) == ROTATIONS + 1
        assert await stats(live, "api") == before, "a listener was replaced or drained"
        assert before["listener_manager.listener_modified"] == 0
        assert live.mesh.control.refused == {}
        assert live.all(Renewed) == [Renewed(4)] * ROTATIONS


MIXED = """\
name: shop
mesh:
  services:
    web: {ingress: true, calls: [side]}
    side: {protocol: grpc, calls: [api]}
    api: {dataplane: grpc}
patterns:
- {pattern: mtls, on: '*'}
- {pattern: authorization, on: api, allow: {from: side}}
"""


async def test_with_an_envoy_or_without_everybody_is_renewed(tmp_path: Path) -> None:
    async with started(tmp_path, MIXED) as live:
        old = {name: await serial(live, name) for name in ("side", "api")}
        assert reached_by(await live.ask("web")) == ["web", "side", "api"]
        live.mesh.renew_certificates()
        for name, number in old.items():
            await until_other(live, name, number)
        assert reached_by(await live.ask("web")) == ["web", "side", "api"]


def reached_by(answer: tuple[int, Any]) -> list[str]:
    """Whom a request came to, one after the other."""
    status, said = answer
    assert status == 200
    found = [said["service"]]
    while said["calls"]:
        (call,) = said["calls"]
        assert call["status"] == 0, call
        said = call["answer"]
        found.append(said["service"])
    return found


class Timers:
    """An event loop that waits for nobody: it is told when it is later."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.due: list[tuple[float, Callable[..., None], tuple[object, ...]]] = []

    def call_later(self, delay: float, what: Callable[..., None], *args: object) -> Timers:
        self.due.append((delay, what, args))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def pass_by(self) -> float:
        """Until the next is due; the seconds that went by."""
        delay, what, args = self.due.pop()
        self.now += timedelta(seconds=delay)
        what(*args)
        return delay


def test_each_renewal_asks_for_the_next(tmp_path: Path) -> None:
    timers, told = Timers(), list[Event]()
    renewal = Renewal(
        told.append, tmp_path / "certificates", Issuer(lambda: timers.now), timers.call_later
    )
    draft, control = drafted(MESH, tmp_path), ControlPlane(told.append)
    first = renewal.identities(draft)
    renewal.keep(control, draft)
    assert [round(timers.pass_by(), 3) for _ in range(3)] == [6.667] * 3
    assert told == [Renewed(4)] * 3
    assert renewal.identities(draft)["api"].chain != first["api"].chain
    renewal.stop()
    assert timers.due == []


def test_a_machine_that_slept_renews_what_ended_meanwhile(tmp_path: Path) -> None:
    timers, told = Timers(), list[Event]()
    renewal = Renewal(told.append, None, Issuer(lambda: timers.now), timers.call_later)
    draft, control = drafted(MESH.replace("10s", "24h"), tmp_path), ControlPlane(told.append)
    renewal.identities(draft)
    renewal.keep(control, draft)
    assert [timers.pass_by() for _ in range(3)] == [30] * 3
    assert told == []
    timers.now += timedelta(hours=30)
    assert timers.pass_by() == 30
    assert told == [Renewed(4)]


async def test_who_has_no_envoy_finds_them_in_files(tmp_path: Path) -> None:
    told, folder = list[Event](), tmp_path / "certificates"
    renewal = Renewal(told.append, folder)
    draft = drafted(MESH.replace("api: }", "api: {dataplane: grpc}}"), tmp_path)
    first = renewal.identities(draft)
    assert [path.name for path in folder.iterdir() if path.is_symlink()] == ["api"]
    assert (folder / "api" / "key.pem").read_bytes() == first["api"].key
    renewal.renew(ControlPlane(told.append), draft)
    assert (folder / "api" / "key.pem").read_bytes() != first["api"].key
    renewal.stop()


def test_without_mutual_tls_nothing_is_ever_due(tmp_path: Path) -> None:
    timers, told = Timers(), list[Event]()
    renewal = Renewal(
        told.append, tmp_path / "certificates", Issuer(lambda: timers.now), timers.call_later
    )
    draft = drafted(MESH.replace("on:", "mode: off, on:"), tmp_path)
    assert renewal.identities(draft) == {}
    renewal.keep(ControlPlane(told.append), draft)
    assert timers.due == []
