"""What a real Envoy accepted is not always in effect, and its dump tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mini_mesh.control.effect import InEffect
from tests.xds_server.playbook import a_cluster, a_listener, a_route, snapshot
from tests.xds_server.real_envoy import Envoy, Events, running_envoy
from tests.xds_server.resources import eds_cluster, endpoints, rds_listener, routed
from xds_server.cache import Cache
from xds_server.protos import core, tls
from xds_server.resource import Resource, ResourceType
from xds_server.serving.server import XdsServer

DUMP = "type.googleapis.com/envoy.admin.v3."


def dumped(**parts: Mapping[str, Any]) -> InEffect:
    return InEffect(
        {"configs": [{"@type": f"{DUMP}{name}", **part} for name, part in parts.items()]}
    )


async def dump(envoy: Envoy) -> InEffect:
    return InEffect(json.loads(await envoy.admin("/config_dump?include_eds")))


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_a_listener_is_accepted_at_once_and_in_effect_when_it_has_its_routes(
    variant: str,
) -> None:
    cache, events = Cache(), Events()
    server = XdsServer(cache, on_event=events)
    port = await server.start()
    old, new = rds_listener(), rds_listener(routes="others")
    rest = [routed("a"), eds_cluster("a"), endpoints("a", 1234)]
    cache.set("e", snapshot(old, *rest))
    async with running_envoy(port, "e", variant) as envoy:
        await events.until(lambda: cache.status.applied("e", snapshot(old, *rest)))
        await envoy.until_listening()
        now = await dump(envoy)
        assert [now.verdict(each) for each in (old, new, *rest)] == ["yes", "no", *["yes"] * 3]
        assert now.verdict(endpoints("a", 1234, 1235)) == "no"
        cache.set("e", snapshot(new, *rest))
        await events.until(lambda: cache.status.applied("e", snapshot(new, *rest)))
        now = await dump(envoy)
        assert (now.verdict(new), now.verdict(old)) == ("warming", "yes")
        assert now.names(ResourceType.LISTENER) == {"front"}
        cache.set("e", snapshot(new, *rest, routed("a", "others")))
        await events.until(lambda: cache.releases("e")[-1].good)
        while (await dump(envoy)).verdict(new) != "yes":  # it turns to it after its ACK
            pass
        assert (await dump(envoy)).verdict(old) == "no"
    await server.stop()


def test_a_cluster_that_waits_for_its_endpoints_is_warming() -> None:
    old, new = ({"@type": "c", "name": "c", "alt_stat_name": each} for each in ("old", "new"))
    found = dumped(
        ClustersConfigDump={
            "dynamic_active_clusters": [{"cluster": old}],
            "dynamic_warming_clusters": [{"cluster": new}],
        }
    )
    assert found.verdict(a_cluster("c", "old")) == "yes"
    assert found.verdict(a_cluster("c", "new")) == "warming"
    assert found.verdict(a_cluster("c", "newest")) == "no"
    assert found.names(ResourceType.CLUSTER) == {"c"}


@pytest.mark.parametrize(("state", "verdict"), [("active", "yes"), ("warming", "warming")])
def test_secrets_go_by_their_version_since_nobody_is_shown_them(state: str, verdict: str) -> None:
    secret = Resource.of(tls.Secret(name="s"))
    part = {"name": "s", "version_info": secret.version}
    found = dumped(SecretsConfigDump={f"dynamic_{state}_secrets": [part]})
    assert found.verdict(secret) == verdict
    assert found.verdict(Resource.of(tls.Secret(name="s"), version="of SotW?")) == "unknown"


def test_extensions_are_told_too() -> None:
    extension = Resource.of(core.TypedExtensionConfig(name="x"))
    found = dumped(EcdsConfigDump={"ecds_filters": [{"ecds_filter": {"name": "x"}}]})
    assert found.verdict(extension) == "yes"


def test_of_what_no_dump_tells_nothing_is_known() -> None:
    found = dumped(ListenersConfigDump={"dynamic_listeners": [{"name": "l", "error_state": {}}]})
    assert found.verdict(a_listener("l")) == "no"
    assert found.verdict(a_route("r")) == "unknown"
    assert dumped().names(ResourceType.ROUTE) == frozenset()
