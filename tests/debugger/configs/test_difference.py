"""What a real Envoy was sent and what it goes by: no difference is invented, and none is missed."""

from __future__ import annotations

from typing import Any

import pytest

from debugger.configs import runtime
from debugger.configs.difference import Compared, Difference, differences
from tests.debugger.sick import ADS, HTTP, Sick, answer, cluster, listener, made, routes, sick, to
from xds_server.clients import dump
from xds_server.resource import ResourceType

FAULT = f"{HTTP}.fault.v3.HTTPFault"


def discovered(**more: Any) -> dict[str, Any]:
    source = {"config_source": ADS, "type_urls": [FAULT], **more}
    return {"name": "fault", "config_discovery": source}


def endpoints(name: str, *weights: int) -> Any:
    hosts = [
        {
            "endpoint": {
                "address": {"socket_address": {"address": "127.0.0.1", "port_value": 9000 - at}}
            },
            **({"load_balancing_weight": weight} if weight else {}),
        }
        for at, weight in enumerate(weights)
    ]
    groups = [{"priority": 1, "lb_endpoints": hosts[1:]}, {"lb_endpoints": hosts[:1]}, {}]
    return made(ResourceType.ENDPOINT, {"cluster_name": name, "endpoints": groups})


async def test_what_was_sent_and_is_in_effect_does_not_differ() -> None:
    eds = made(
        ResourceType.CLUSTER,
        {"name": "b", "type": "EDS", "eds_cluster_config": {"eds_config": ADS}},
    )
    limits = {"thresholds": [{"max_requests": 0, "retry_budget": {}}]}
    one = cluster(
        "a", 1, connect_timeout="1.500s", circuit_breakers=limits, dns_lookup_family="AUTO"
    )
    table = routes(to("b", prefix="/b"), answer("x"))
    async with sick(listener(), table, one, eds, endpoints("b", 0, 3, 1)) as mesh:
        assert await mesh.settled() == []


async def test_a_refused_push_is_told_with_its_fields_and_their_line() -> None:
    good = routes(to("a"))
    async with sick(listener(), good, cluster("a", 1)) as mesh:
        await mesh.settled()
        bad = routes({"match": {"safe_regex": {"regex": "(?!x)"}}, "route": {"cluster": "a"}})
        await mesh.serve(listener(), bad, cluster("a", 1))
        (found,) = await mesh.differences()
        assert (found.type, found.name) == ("RouteConfiguration", "routes")
        assert found.words[0].startswith("refused: ")
        fields = {each.path: each for each in found.fields}
        prefix = fields["virtual_hosts[0].routes[0].match.prefix"]
        assert prefix.values == {"to_be": None, "sent": None, "accepted": "/", "in_effect": "/"}
        assert prefix.place == "mesh.yaml:5:3"


async def test_a_listener_that_waits_for_its_filter_is_told_apart_from_the_one_in_effect() -> None:
    async with sick(listener(), routes(answer("x"))) as mesh:
        await mesh.settled()
        await mesh.serve(listener(discovered()), routes(answer("x")))
        found = {(each.type, each.name): each for each in await mesh.differences()}
        waiting = found["Listener", "front"]
        assert waiting.words[0].endswith("the one before stays in effect")
        name = "filter_chains[0].filters[0].typed_config.http_filters[0].name"
        (field,) = (each for each in waiting.fields if each.path == name)
        assert field.values == {
            "to_be": "fault",
            "sent": "fault",
            "accepted": "fault",
            "in_effect": "router",
            "waiting": "fault",
        }
        missing = found["TypedExtensionConfig", "fault"]
        assert missing.words == ("asked for by the node, and not there to be sent",)


async def test_what_the_bootstrap_has_stays_whatever_is_sent() -> None:
    static = {"name": "mine", "type": "STATIC", "connect_timeout": "9s"}
    async with sick(listener(), routes(answer("x"))) as mesh:
        held = dump.read(
            {
                "configs": [
                    {
                        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
                        "static_clusters": [{"cluster": static}],
                    }
                ]
            }
        )
        pushed = [each for each in await served(mesh, cluster("mine", connect_timeout="1s"))]
        (found,) = differences(Compared(pushed, held))
        assert "bootstrap has its own" in found.words[0]
        (field,) = (each for each in found.fields if each.path == "connect_timeout")
        assert (field.values["accepted"], field.values["in_effect"]) == ("1s", "9s")


async def test_a_real_bootstrap_cluster_of_that_name_stays() -> None:
    async with sick(listener(), routes(answer("x")), cluster("xds", 9)) as mesh:
        (found,) = await mesh.differences()
        assert (found.type, found.name) == ("Cluster", "xds")
        assert "bootstrap has its own" in found.words[0]


async def served(mesh: Sick, *resources: Any) -> Any:
    await mesh.serve(listener(), routes(answer("x")), *resources)
    return [each for each in await mesh.pushed() if each.type is ResourceType.CLUSTER]


async def test_what_was_set_by_hand_is_told() -> None:
    layers = [{"name": "sent", "rtds_layer": {"name": "sent", "rtds_config": ADS}},
              {"name": "admin", "admin_layer": {}}]  # fmt: skip
    layer = made(ResourceType.RUNTIME, {"name": "sent", "layer": {"a": {"b": 5}, "on": True}})
    more = {"layered_runtime": {"layers": layers}}
    async with sick(listener(), routes(answer("x")), layer, more=more) as mesh:

        async def told() -> list[Difference]:
            return [*runtime.differences(await mesh.pushed(), await mesh.interface.ask("runtime"))]

        assert await told() == []
        url = f"http://{mesh.interface.address}/runtime_modify?a.b=7&c=1"
        async with mesh.interface._session.post(url) as done:
            assert done.status == 200
        overridden, by_hand = await told()
        (field,) = overridden.fields
        assert (field.path, field.values) == ("layer.a.b", {"to_be": "5", "in_effect": "7"})
        assert {each.path: each.values["in_effect"] for each in by_hand.fields} == {
            "layer.a.b": "7",
            "layer.c": "1",
        }


@pytest.mark.parametrize("state", ["active", "static"])
def test_only_what_was_sent_once_can_be_left_over(state: str) -> None:
    prefix = {"active": "dynamic_active", "static": "static"}[state]
    part = {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        f"{prefix}_clusters": [{"cluster": {"name": "old"}}],
    }
    found = [each.name for each in differences(Compared([], dump.read({"configs": [part]})))]
    assert found == (["old"] if state == "active" else [])
