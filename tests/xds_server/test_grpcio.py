"""A proxyless gRPC client (grpcio, ``xds:///``) in a process of its own, served over SotW."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio

from tests.xds_server.playbook import CLUSTER, ENDPOINT, LISTENER, ROUTE, a_cluster
from tests.xds_server.real_envoy import DEADLINE
from tests.xds_server.resources import ADS, address
from tests.xds_server.test_real_envoy import control_plane
from xds_server.events import Acked, Nacked, Sent, StreamOpened
from xds_server.mirror import any_of
from xds_server.protos import cluster, core, endpoint, hcm, listener, route, router
from xds_server.resource import Resource

_CLIENT = """
import sys, grpc
channel = grpc.insecure_channel(sys.argv[1])
call = channel.unary_unary("/test.Echo/Say")
for line in sys.stdin:
    try:
        print(call(line.strip().encode(), timeout=10, wait_for_ready=True).decode(), flush=True)
    except grpc.RpcError as error:
        print(error.details(), flush=True)
"""


class Client:
    """Answers each word with what the service says to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        self._stdin, self._stdout = process.stdin, process.stdout

    async def say(self, word: str) -> str:
        self._stdin.write(f"{word}\n".encode())
        async with asyncio.timeout(DEADLINE):
            return (await self._stdout.readline()).decode().strip()


@asynccontextmanager
async def grpc_client(port: int, target: str = "xds:///svc") -> AsyncIterator[Client]:
    server = {
        "server_uri": f"127.0.0.1:{port}",
        "channel_creds": [{"type": "insecure"}],
        "server_features": ["xds_v3"],
    }
    authorities: dict[str, Any] = {"mesh.test": {}}
    bootstrap = json.dumps(
        {"xds_servers": [server], "node": {"id": "node"}, "authorities": authorities}
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CLIENT, target),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "GRPC_XDS_BOOTSTRAP_CONFIG": bootstrap, "GRPC_VERBOSITY": "NONE"},
    )
    try:
        yield Client(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def echo(mark: str) -> AsyncIterator[int]:
    """A gRPC server that says what it hears, and its mark."""

    async def say(data: bytes, context: Any) -> bytes:
        return data + mark.encode()

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(say)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Echo", {"Say": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


def mesh(
    port: int, *more: Resource, to: str = "a", name: str = "svc", routes: str = "routes"
) -> list[Resource]:
    manager = hcm.HttpConnectionManager(
        rds=hcm.Rds(config_source=ADS, route_config_name=routes),
        http_filters=[hcm.HttpFilter(name="router", typed_config=any_of(router.Router()))],
    )
    api = listener.ApiListener(api_listener=any_of(manager))
    entry = route.Route(match=route.RouteMatch(prefix=""), route=route.RouteAction(cluster=to))
    host = route.VirtualHost(name="svc", domains=["svc"], routes=[entry])
    return [
        Resource.of(listener.Listener(name=name, api_listener=api)),
        Resource.of(route.RouteConfiguration(name=routes, virtual_hosts=[host])),
        an_eds_cluster(to),
        weighted_endpoints(to, port),
        *more,
    ]


def an_eds_cluster(name: str, service: str = "") -> Resource:
    return Resource.of(
        cluster.Cluster(
            name=name,
            type=cluster.ClusterDiscoveryType.EDS,
            connect_timeout=timedelta(seconds=1),
            eds_cluster_config=cluster.ClusterEdsClusterConfig(
                eds_config=ADS, service_name=service
            ),
        )
    )


def weighted_endpoints(name: str, port: int) -> Resource:
    host = endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address(port)))
    locality = endpoint.LocalityLbEndpoints(
        locality=core.Locality(region="here"), load_balancing_weight=1, lb_endpoints=[host]
    )
    return Resource.of(endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=[locality]))


async def test_a_grpc_client_opens_one_sotw_stream_and_asks_for_names_only() -> None:
    async with control_plane() as plane, echo("-one") as one, echo("-two") as two:
        plane.serve(*mesh(one, a_cluster("nobody-asked")))
        async with grpc_client(plane.port) as client:
            assert await client.say("hi") == "hi-one"
            plane.events.all.clear()
            plane.serve(*mesh(two, a_cluster("nobody-asked")))
            async with asyncio.timeout(DEADLINE):
                while await client.say("hi") != "hi-two":
                    pass
            sent = [(event.type, event.names) for event in plane.events.of(Sent)]
            assert sent == [(ENDPOINT, ("a",))]
            assert plane.events.of(Nacked) == []


async def test_the_stream_of_a_grpc_client_is_an_aggregated_sotw_one() -> None:
    async with control_plane() as plane, echo("!") as port:
        plane.serve(*mesh(port))
        async with grpc_client(plane.port) as client:
            assert await client.say("hi") == "hi!"
            (opened,) = plane.events.of(StreamOpened)
            assert (opened.variant, opened.type) == ("SotW", None)
            assert {event.type for event in plane.events.of(Acked)} >= {LISTENER, ROUTE}
            names = {name for event in plane.events.of(Sent) for name in event.names}
            assert names == {"svc", "routes", "a"}


async def test_a_grpc_client_uses_what_is_valid_in_a_response_that_it_refuses() -> None:
    static = Resource.of(cluster.Cluster(name="bad", type=cluster.ClusterDiscoveryType.STATIC))
    entries = [
        route.Route(match=route.RouteMatch(prefix=prefix), route=route.RouteAction(cluster=name))
        for prefix, name in (("/other", "bad"), ("", "a"))
    ]
    host = route.VirtualHost(name="svc", domains=["svc"], routes=entries)
    routes = Resource.of(route.RouteConfiguration(name="routes", virtual_hosts=[host]))
    async with control_plane() as plane, echo("!") as port:
        others = [each for each in mesh(port) if each.type is not ROUTE]
        plane.serve(*others, routes, static)
        async with grpc_client(plane.port) as client:
            assert await client.say("hi") == "hi!"
            records = [event.record for event in plane.events.of(Nacked)]
            assert {record.type_url for record in records} == {CLUSTER.type_url}


async def test_resources_of_an_authority_are_served_by_their_xdstp_names() -> None:
    base = "xdstp://mesh.test/envoy.config"
    names = {
        "name": f"{base}.listener.v3.Listener/svc",
        "routes": f"{base}.route.v3.RouteConfiguration/routes",
        "to": f"{base}.cluster.v3.Cluster/a",
    }
    async with control_plane() as plane, echo("!") as port:
        resources = [r for r in mesh(port, **names) if r.type not in (CLUSTER, ENDPOINT)]
        assignment = f"{base}.endpoint.v3.ClusterLoadAssignment/a"
        eds = an_eds_cluster(names["to"], service=assignment)
        plane.serve(*resources, eds, weighted_endpoints(assignment, port))
        async with grpc_client(plane.port, "xds://mesh.test/svc") as client:
            assert await client.say("hi") == "hi!"
        asked = {name for event in plane.events.of(Sent) for name in event.names}
        assert asked == {*names.values(), assignment}
