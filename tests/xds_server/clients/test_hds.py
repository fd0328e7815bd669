"""The health discovery service: a real Envoy checks, and the traffic follows what it finds."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.xds_server.real_envoy import Waiting, running_envoy, upstream
from tests.xds_server.resources import eds_cluster, endpoints, rds_listener, routed
from tests.xds_server.test_real_envoy import Plane, control_plane
from xds_server import mirror
from xds_server.clients.endpoint_health import ClusterCheck, Health, with_health
from xds_server.clients.hds import SERVICE, Hds
from xds_server.clients.health_checks import HealthChanged, HealthChecks
from xds_server.protos import core, health

CHECKS = {
    "hds_config": {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
    }
}
HTTP = core.HealthCheck(
    timeout=timedelta(seconds=1),
    interval=timedelta(milliseconds=50),
    no_traffic_interval=timedelta(milliseconds=50),
    unhealthy_threshold=1,
    healthy_threshold=1,
    http_health_check=core.HealthCheckHttpHealthCheck(path="/healthz"),
)
TCP = dataclasses.replace(
    HTTP, http_health_check=None, tcp_health_check=core.HealthCheckTcpHealthCheck()
)


class Found(Waiting):
    """What the checkers found, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[HealthChanged] = []
        self.checks = HealthChecks(interval=0.05, on_change=self._heard)

    def _heard(self, event: HealthChanged) -> None:
        self.events.append(event)
        self._changed.set()

    async def until_health(self, endpoint: str, wanted: Health) -> None:
        await self.until(lambda: self.checks.health("a").get(endpoint, Health.UNKNOWN) is wanted)


@asynccontextmanager
async def checking() -> AsyncIterator[tuple[Plane, Found]]:
    found = Found()
    hds = Hds(found.checks)
    async with control_plane(services=lambda server: [hds.handler()]) as plane:
        yield plane, found


class Mortal:
    """An HTTP upstream that can die, with its connections, and come back on its port."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nmortal")
        writer.close()

    async def live(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def die(self) -> None:
        if self._server:
            self._server.close()
        while self._writers:
            self._writers.pop().close()


@pytest.fixture
async def mortal() -> AsyncIterator[Mortal]:
    upstream = Mortal()
    await upstream.live()
    yield upstream
    upstream.die()


async def test_an_endpoint_that_dies_is_found_out_and_comes_back(mortal: Mortal) -> None:
    async with (
        checking() as (plane, found),
        running_envoy(plane.port, "node", "Delta", CHECKS) as envoy,
        upstream("stays") as stays,
    ):
        both = endpoints("a", stays, mortal.port)
        dies, others = f"127.0.0.1:{mortal.port}", [eds_cluster("a"), rds_listener(), routed("a")]
        await plane.applied(*others, both)
        found.checks.delegate(ClusterCheck.of(both, HTTP))
        await found.until_health(dies, Health.HEALTHY)
        await envoy.until_listening()

        mortal.die()
        await found.until_health(dies, Health.UNHEALTHY)
        assert found.checks.health("a")[f"127.0.0.1:{stays}"] is Health.HEALTHY
        await plane.applied(*others, with_health(both, found.checks.health("a")))
        assert [await envoy.get() for _ in range(6)] == [(200, "stays")] * 6

        await mortal.live()
        await found.until_health(dies, Health.HEALTHY)
        await plane.applied(*others, with_health(both, found.checks.health("a")))
        assert {body for _, body in [await envoy.get() for _ in range(6)]} == {"stays", "mortal"}
        told = [(e.before.name, e.now.name) for e in found.events if e.endpoint == dies]
        assert told == [("UNKNOWN", "HEALTHY"), ("HEALTHY", "UNHEALTHY"), ("UNHEALTHY", "HEALTHY")]


async def test_a_checker_is_told_of_each_change_and_one_that_goes_counts_no_more() -> None:
    async with checking() as (plane, found), upstream("a") as a, upstream("b") as b:
        async with running_envoy(plane.port, "checker", "SotW", CHECKS):
            found.checks.delegate(ClusterCheck.of(endpoints("a", a), HTTP))
            await found.until_health(f"127.0.0.1:{a}", Health.HEALTHY)
            (checker,) = found.checks.checkers()
            assert (checker.node.id, sorted(checker.protocols)) == ("checker", ["HTTP", "TCP"])
            found.checks.delegate(ClusterCheck.of(endpoints("a", b), TCP))
            await found.until_health(f"127.0.0.1:{b}", Health.HEALTHY)
            assert found.checks.health("a").keys() == {f"127.0.0.1:{b}"}
            found.checks.recall("a")
            found.checks.delegate(ClusterCheck.of(endpoints("a", a), TCP))
            await found.until_health(f"127.0.0.1:{a}", Health.HEALTHY)
        await found.until_health(f"127.0.0.1:{a}", Health.UNKNOWN)
        assert found.checks.checkers() == ()


def request(**node: Any) -> bytes:
    protocols = [health.CapabilityProtocol.HTTP]
    asked = health.HealthCheckRequest(
        node=core.Node(**node), capability=health.Capability(health_check_protocols=protocols)
    )
    return mirror.serialize(
        health.HealthCheckRequestOrEndpointHealthResponse(health_check_request=asked)
    )


async def test_what_is_to_be_checked_can_be_fetched() -> None:
    async with checking() as (plane, found):
        found.checks.delegate(ClusterCheck.of(endpoints("a", 80), HTTP))
        found.checks.delegate(ClusterCheck.of(endpoints("b", 80), TCP))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{plane.port}") as channel:
            fetch = channel.unary_unary(f"/{SERVICE}/FetchHealthCheck")
            told = mirror.parse(health.HealthCheckSpecifier, await fetch(request(id="n")))
            assert [each.cluster_name for each in told.cluster_health_checks] == ["a"]
            assert told.interval.ToMilliseconds() == 50
            assert found.checks.checkers() == ()
            for bad, text in ((request(), "names no node"), (b"\xff", "are no HealthCheckRequest")):
                with pytest.raises(grpc.aio.AioRpcError, match=text) as refused:
                    await fetch(bad)
                assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_of_garbage_ends_with_a_reason_and_counts_no_more() -> None:
    async with checking() as (plane, found):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{plane.port}") as channel:
            stream = channel.stream_stream(f"/{SERVICE}/StreamHealthCheck")
            with pytest.raises(grpc.aio.AioRpcError, match="are no HealthCheckRequest") as refused:
                async for _ in stream(iter([request(id="n"), b"\xff"])):
                    pass
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert found.checks.checkers() == ()
