"""A control plane: ``python examples/control_plane.py PORT LISTENER_PORT``.

Each Envoy whose ADS is at PORT, SotW or Delta, answers at LISTENER_PORT with the last line of
input. What happens on the streams is printed.
"""

import asyncio
import sys

from xds_server import Cache, Resource, Snapshot, XdsServer, any_of
from xds_server.protos import core, hcm, listener, route, router


def answering(word: str, port: int) -> Snapshot:
    answer = route.DirectResponseAction(status=200, body=core.DataSource(inline_string=word))
    every = route.Route(match=route.RouteMatch(prefix="/"), direct_response=answer)
    host = route.VirtualHost(name="all", domains=["*"], routes=[every])
    manager = hcm.HttpConnectionManager(
        stat_prefix="front",
        route_config=route.RouteConfiguration(name="front", virtual_hosts=[host]),
        http_filters=[hcm.HttpFilter(name="router", typed_config=any_of(router.Router()))],
    )
    at = core.Address(socket_address=core.SocketAddress(address="127.0.0.1", port_value=port))
    chain = listener.FilterChain(filters=[listener.Filter("hcm", typed_config=any_of(manager))])
    front = listener.Listener(name="front", address=at, filter_chains=[chain])
    return Snapshot.of([Resource.of(front)])


async def main(port: int, listener_port: int) -> None:
    cache = Cache()
    server = XdsServer(cache, group_of=lambda node: "all", on_event=print)
    print("serving on", await server.start("127.0.0.1", port))
    cache.set("all", answering("hello", listener_port))
    while word := await asyncio.to_thread(sys.stdin.readline):
        cache.set("all", answering(word.strip(), listener_port))
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
