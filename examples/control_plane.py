"""A control plane: each Envoy that comes answers every request with a word of ours.

    python examples/control_plane.py PORT LISTENER_PORT

Point an Envoy's ADS at PORT, SotW or Delta; ask it at LISTENER_PORT. Each line on standard input
is the word from then on, in effect within a millisecond or two.
"""

import asyncio
import sys

from xds_server import (
    Acked,
    Cache,
    Event,
    Nacked,
    Resource,
    Sent,
    Snapshot,
    StreamClosed,
    StreamOpened,
    XdsServer,
    any_of,
)
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


def tell(event: Event) -> None:
    """The hooks. What one raises is logged, and the stream goes on."""
    match event:
        case StreamOpened(node) | StreamClosed(node):
            print(f"{node.id} {'came' if isinstance(event, StreamOpened) else 'went'}", flush=True)
        case Sent(node, kind, version) | Acked(node, kind, version):
            did = "was sent" if isinstance(event, Sent) else "accepted"
            print(f"{node.id} {did} {kind.title} {version}", flush=True)
        case Nacked(record):  # cache.rollback("all") is the way back
            print(record, flush=True)


async def main(port: int, listener_port: int) -> None:
    cache = Cache()
    server = XdsServer(cache, group_of=lambda node: "all", on_event=tell)
    print(f"serving on {await server.start('127.0.0.1', port)}", flush=True)
    cache.set("all", answering("hello", listener_port))
    while word := await asyncio.to_thread(sys.stdin.readline):
        cache.set("all", answering(word.strip(), listener_port))
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
