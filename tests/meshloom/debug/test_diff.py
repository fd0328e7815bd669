"""``meshloom debug diff`` of a node whose control plane is somebody else's."""

from __future__ import annotations

import asyncio

from tests.meshloom.command import Done, inside
from tests.xds_server.playbook import snapshot
from tests.xds_server.real_envoy import Events, running_envoy
from tests.xds_server.resources import answering, rds_listener, weighted
from xds_server.cache import Cache
from xds_server.clients.csds import Csds
from xds_server.events import Nacked
from xds_server.serving.server import XdsServer


async def test_a_server_that_only_speaks_csds_and_an_envoy_that_is_named_are_compared() -> None:
    cache, events = Cache(), Events()
    server = XdsServer(cache, on_event=events)
    port = await server.start(handlers=[Csds(server).handler()])
    cache.set("e", snapshot(rds_listener(), answering("old")))

    async def diff(*options: str) -> Done:
        given = ("debug", "diff", "e", "--server", f"127.0.0.1:{port}", *options)
        return await asyncio.to_thread(inside, *given)

    async with running_envoy(port, "e", "Delta") as envoy:
        await events.until(lambda: cache.releases("e")[-1].good)
        await envoy.until_listening()
        at = ("--admin", envoy.admin_address)
        assert (await diff(*at)).out == "e: nothing differs\n"
        assert "nobody could be asked" in (await diff()).out
        cache.set("e", snapshot(rds_listener(), weighted({"a": 0})))
        await events.until(lambda: bool(events.of(Nacked)))
        told = await diff(*at)
        assert told.code == 1
        assert told.out.startswith("RouteConfiguration routes: refused: ")
        assert "direct_response.status   to be, sent nothing   in effect 200\n" in told.out
        assert (await diff("--admin", "127.0.0.1:1/quitquitquit?")).code == 2
    await server.stop()
