"""The echo without an Envoy: one real process, told by a control plane what it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
import pytest

from mini_mesh.echo.config import Call, Instance, xds_process_spec
from mini_mesh.echo.grpc_side import decoded
from mini_mesh.grpc_bootstrap import GrpcNode, environment
from mini_mesh.ports import Ports
from mini_mesh.processes.process import Process
from mini_mesh.processes.ready import wait_for_port
from mini_mesh.processes.supervisor import Supervisor
from xds_server.cache import Cache
from xds_server.events import Event, Nacked
from xds_server.mirror import any_of
from xds_server.protos import core, fault, hcm, listener, rbac, rbac_filter, route, router
from xds_server.resource import Resource
from xds_server.serving.server import XdsServer
from xds_server.snapshot import Snapshot

METHOD = "/test.Echo/Say"


@dataclass
class Running:
    port: int
    count: Path
    cache: Cache
    process: Process = field(init=False)
    refused: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self, *filters: hcm.HttpFilter) -> None:
        """Serve it its listener, with these filters."""
        ends = route.Route(
            match=route.RouteMatch(prefix=""), non_forwarding_action=route.NonForwardingAction()
        )
        host = route.VirtualHost(name="all", domains=["*"], routes=[ends])
        last = hcm.HttpFilter(name="router", typed_config=any_of(router.Router()))
        manager = hcm.HttpConnectionManager(
            route_config=route.RouteConfiguration(name="all", virtual_hosts=[host]),
            http_filters=[*filters, last],
        )
        network = listener.Filter(name="hcm", typed_config=any_of(manager))
        at = core.SocketAddress(address="127.0.0.1", port_value=self.port)
        message = listener.Listener(
            name=f"inbound:127.0.0.1:{self.port}",
            address=core.Address(socket_address=at),
            filter_chains=[listener.FilterChain(filters=[network])],
        )
        self.cache.set("web", Snapshot.of([Resource.of(message)]))

    def heard(self, event: Event) -> None:
        if isinstance(event, Nacked):
            self.refused.append(str(event.record))
            self.news.set()

    async def arrived(self) -> int:
        reader, writer = await asyncio.open_unix_connection(str(self.count))
        told = await reader.read()
        writer.close()
        return int(told)


@asynccontextmanager
async def echoing(folder: Path, instance: Instance, *calls: Call) -> AsyncIterator[Running]:
    cache = Cache()
    with Ports() as ports:
        port = ports.take()
        ports.release(port)
        made = Instance(
            instance.service, instance.version, port, "grpc", calls, instance.fail_with_calls
        )
        running = Running(port, folder / "count.sock", cache)
        server = XdsServer(cache, on_event=running.heard)
        env = environment(GrpcNode("web", "test", await server.start()))
        async with Supervisor() as supervisor:
            spec = xds_process_spec("web", made, running.count, env)
            running.process = process = await supervisor.start(spec)
            try:
                yield running
            finally:
                await process.stop()
                await server.stop()


async def say(port: int, method: str = METHOD) -> bytes:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        return bytes(await channel.unary_unary(method)(b"", timeout=10, wait_for_ready=True))


async def test_it_listens_when_it_has_its_listener_and_counts_what_arrives(
    tmp_path: Path,
) -> None:
    async with echoing(tmp_path, Instance("web", "v1", 0)) as echo:
        echo.listen()
        await wait_for_port(echo.process, echo.port)
        assert await echo.arrived() == 0
        said = decoded(await say(echo.port))
        assert said is not None
        assert (said["service"], said["version"], said["path"]) == ("web", "v1", METHOD)
        assert await echo.arrived() == 1
        await echo.process.stop()
        assert echo.process.describe_exit() == "exited with 0"


async def test_a_call_that_fails_fails_it_where_it_has_to(tmp_path: Path) -> None:
    instance = Instance("web", "", 0, fail_with_calls=True)
    async with echoing(tmp_path, instance, Call("lost", "grpc://127.0.0.1:1")) as echo:
        echo.listen()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await say(echo.port)
        assert (error.value.code(), error.value.details()) == (
            grpc.StatusCode.UNAVAILABLE,
            "calls failed: lost",
        )


async def test_a_server_refuses_a_fault(tmp_path: Path) -> None:
    async with echoing(tmp_path, Instance("web", "", 0)) as echo:
        echo.listen(hcm.HttpFilter(name="fault", typed_config=any_of(fault.HttpFault())))
        await asyncio.wait_for(echo.news.wait(), 10)
        (refused,) = echo.refused
        assert refused.endswith("HTTPFault] error:filter is not supported on servers]]")


async def test_a_server_denies_by_rules_but_not_by_a_dry_run(tmp_path: Path) -> None:
    anybody = rbac.Policy(
        permissions=[rbac.Permission(any=True)], principals=[rbac.Principal(any=True)]
    )
    nobody = rbac.Rbac(action=rbac.RbacAction.DENY, policies={"all": anybody})
    dry = hcm.HttpFilter(name="dry", typed_config=any_of(rbac_filter.Rbac(shadow_rules=nobody)))
    wet = hcm.HttpFilter(name="wet", typed_config=any_of(rbac_filter.Rbac(rules=nobody)))
    async with echoing(tmp_path, Instance("web", "", 0)) as echo:
        echo.listen(dry)
        assert decoded(await say(echo.port)) is not None
        echo.listen(wet)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await until_denied(echo.port)
        assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert echo.refused == []


async def until_denied(port: int) -> None:
    """A server takes a new listener a moment after its ACK."""
    async with asyncio.timeout(10):
        while await say(port):
            pass
