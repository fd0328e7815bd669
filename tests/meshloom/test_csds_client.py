"""Other people's control planes are asked by CSDS, which tells less."""

from __future__ import annotations

import asyncio

import grpc
import grpc.aio

from tests.meshloom.command import Done, inside
from tests.xds_server.playbook import snapshot
from tests.xds_server.real_envoy import Events, running_envoy
from tests.xds_server.resources import answering, rds_listener, weighted
from xds_server import mirror
from xds_server.cache import Cache
from xds_server.clients.csds import SERVICE, Csds
from xds_server.events import Nacked
from xds_server.protos import core, status
from xds_server.serving.server import XdsServer


async def ask(port: int, *arguments: str) -> Done:
    command = ("xds", "status", "--server", f"127.0.0.1:{port}", *arguments)
    return await asyncio.to_thread(inside, *command)


async def test_a_server_that_only_speaks_csds_tells_where_its_clients_stand() -> None:
    cache, events = Cache(), Events()
    server = XdsServer(cache, on_event=events)
    port = await server.start(handlers=[Csds(server).handler()])
    cache.set("e", snapshot(rds_listener(), answering("old")))
    async with running_envoy(port, "e", "Delta"):
        await events.until(lambda: cache.releases("e")[-1].good)
        assert (await ask(port)).out == (
            "NODE  KIND   VERSION  SENT  ACCEPTED  IN EFFECT\n"
            "e     envoy  -        yes   yes       unknown\n"
        )
        cache.set("e", snapshot(rds_listener(), weighted({"a": 0})))
        await events.until(lambda: bool(events.of(Nacked)))
        lines = (await ask(port, "e")).out.splitlines()
        assert lines[:2] == [
            "e  envoy",
            "TYPE                RESOURCES  VERSION  SENT  ACCEPTED  IN EFFECT",
        ]
        assert "NACK from e: RouteConfiguration 'routes': " in lines[-1]
        assert "Sum of weights in the weighted_cluster" in lines[-1]
        nobody = await ask(port, "nobody")
        assert (nobody.code, nobody.out) == (2, "")
        assert nobody.err.endswith("nobody: no such client\n")
        assert (
            await asyncio.to_thread(inside, "xds", "diff", "e", "--server", f"127.0.0.1:{port}")
        ).err == f"meshloom xds diff: 127.0.0.1:{port}: Method not found!\n"
    await server.stop()


async def test_a_server_that_tells_nothing_of_the_client_is_believed_when_it_says_synced() -> None:
    """As istiod answers: config_status is set, client_status is not."""
    kinds = status.ConfigStatus
    configs = [
        status.ClientConfigGenericXdsConfig(
            type_url=f"type.googleapis.com/envoy.config.{kind}",
            name="n",
            version_info="2026-11-21T10:00:00Z/7",
            config_status=told,
        )
        for kind, told in (
            ("cluster.v3.Cluster", kinds.SYNCED),
            ("listener.v3.Listener", kinds.STALE),
            ("route.v3.RouteConfiguration", kinds.NOT_SENT),
        )
    ]
    node = core.Node(id="sidecar~10.0.0.1~web", user_agent_name="envoy")
    answer = mirror.serialize(
        status.ClientStatusResponse(
            config=[status.ClientConfig(node=node, generic_xds_configs=configs)]
        )
    )

    async def fetch(request: bytes, context: object) -> bytes:
        return answer

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(fetch)
    handler = grpc.method_handlers_generic_handler(SERVICE, {"FetchClientStatus": method})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    assert (await ask(port, node.id)).out == (
        "sidecar~10.0.0.1~web  envoy\n"
        "TYPE                RESOURCES  VERSION  SENT  ACCEPTED  IN EFFECT\n"
        "Cluster             1          2026-1   yes   yes       unknown\n"
        "Listener            1          2026-1   yes   no        unknown\n"
        "RouteConfiguration  1          2026-1   no    no        unknown\n"
    )
    await server.stop(None)
