"""The table that says which snapshot a node gets, and real clients in the wrong group."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

from tests.xds_server.playbook import snapshot
from tests.xds_server.real_envoy import Events, running_envoy
from tests.xds_server.resources import answering, rds_listener
from xds_server.cache import Cache
from xds_server.errors import LocalXdsError
from xds_server.events import StreamClosed
from xds_server.groups import Groups, NoGroup, Rule
from xds_server.node import NodeInfo
from xds_server.serving.server import XdsServer

ENVOY = NodeInfo("web-1", "shop", "eu", "b", "rack 7", user_agent_name="envoy")
GRPC = NodeInfo("web-1", "shop", "eu", "b", user_agent_name="gRPC Go")

BOTH = Groups(Rule("envoy/{id}"), Rule("grpc/{id}", kind="grpc"))


def test_envoys_and_grpc_clients_of_one_name_have_groups_of_their_own() -> None:
    assert BOTH(ENVOY) == "envoy/web-1"
    assert BOTH(GRPC) == "grpc/web-1"


def test_a_client_of_neither_kind_is_taken_by_the_first_rule() -> None:
    assert BOTH(NodeInfo("web-1")) == "envoy/web-1"


def test_the_first_rule_that_takes_a_node_counts() -> None:
    groups = Groups(
        Rule("edge", id="web-*"),
        Rule("{cluster}-{region}-{zone}-{sub_zone}", cluster="shop"),
        Rule("rest"),
    )
    assert groups(ENVOY) == "edge"
    assert groups(NodeInfo("db-1", "shop", "eu", "b", "r")) == "shop-eu-b-r"
    assert groups(NodeInfo("db-1")) == "rest"


@pytest.mark.parametrize(
    ("rule", "takes"),
    [
        (Rule("g", id="web-1"), True),
        (Rule("g", id="web"), False),
        (Rule("g", id="web*"), True),
        (Rule("g", id="*-1"), True),
        (Rule("g", id="w*-*1"), True),
        (Rule("g", id="w.b-1"), False),
        (Rule("g", cluster="shop", region="eu", zone="b", sub_zone="rack *"), True),
        (Rule("g", cluster="shop", region="us"), False),
        (Rule("g", zone="a"), False),
    ],
)
def test_a_rule_asks_for_texts_where_a_star_is_anything(rule: Rule, takes: bool) -> None:
    assert rule.takes(ENVOY) is takes


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (
            Groups(Rule("front-{zone}", id="web-*")),
            "web-1: is a gRPC client ('gRPC Go'), but group 'front-b' is for Envoys",
        ),
        (
            Groups(Rule("db", id="db-*"), Rule("db-grpc", kind="grpc", id="db-*")),
            "web-1: no rule takes this node (id 'web-1', cluster 'shop', region 'eu', zone 'b', "
            "a gRPC client ('gRPC Go'))",
        ),
        (Groups(), "web-1: no rule takes this node (id 'web-1', cluster 'shop'"),
    ],
)
def test_a_node_that_no_rule_of_its_kind_takes_is_told_why(groups: Groups, told: str) -> None:
    with pytest.raises(NoGroup) as refused:
        groups(GRPC)
    assert str(refused.value).startswith(told)
    assert refused.value.status == "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Rule("all"), Rule("all", kind="grpc")),
        (Rule("{id}"), Rule("grpc-{id}", kind="grpc")),
        (Rule("{cluster}-x"), Rule("shop-{zone}", kind="grpc")),
        (Rule("{id}", id="web-*"), Rule("{id}", id="*-1", kind="grpc")),
    ],
)
def test_a_table_in_which_two_kinds_could_meet_can_not_be_built(one: Rule, other: Rule) -> None:
    with pytest.raises(LocalXdsError, match="a name could be both"):
        Groups(one, other)


def test_groups_of_two_kinds_may_differ_by_what_their_rules_ask_for() -> None:
    groups = Groups(Rule("{id}", id="web-*"), Rule("{id}", id="svc-*", kind="grpc"))
    assert groups(ENVOY) == "web-1"


def test_a_group_of_something_that_a_node_does_not_say_can_not_be_built() -> None:
    with pytest.raises(LocalXdsError, match=r"group '\{metadata\}': got \['metadata'\], wanted"):
        Rule("{metadata}")
    with pytest.raises(LocalXdsError, match="wanted 'envoy' or 'grpc'"):
        Rule("a", kind="other")  # type: ignore[arg-type] # wrong on purpose


ASKING = """
import grpc
try:
    grpc.insecure_channel("xds:///svc").unary_unary("/a/b")(b"", timeout=14)
except grpc.RpcError as error:
    print(error.details())
"""


async def test_a_grpc_client_in_an_envoys_group_fails_its_calls_at_once_and_says_why() -> None:
    events = Events()
    server = XdsServer(Cache(), group_of=Groups(Rule("front")), on_event=events)
    port = await server.start()
    bootstrap = {
        "xds_servers": [
            {
                "server_uri": f"127.0.0.1:{port}",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": {"id": "web-1"},
    }
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ASKING),
        env={**os.environ, "GRPC_XDS_BOOTSTRAP_CONFIG": json.dumps(bootstrap)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await asyncio.wait_for(client.communicate(), 10)
    await server.stop()
    why = "web-1: is a gRPC client ('gRPC C-core linux Python'), but group 'front' is for Envoys"
    assert f"FAILED_PRECONDITION: {why} (node ID:web-1)" in said.decode()
    closed = events.of(StreamClosed)[0]
    assert (closed.status, closed.reason) == ("FAILED_PRECONDITION", why)


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_an_envoy_in_a_grpc_group_keeps_asking_and_is_served_once_it_may(
    variant: str,
) -> None:
    cache, events, kind = Cache(), Events(), ["grpc"]

    def group_of(node: NodeInfo) -> str:
        return Groups(Rule("front", kind=kind[0]))(node)  # type: ignore[arg-type] # a text from a list

    server = XdsServer(cache, group_of=group_of, on_event=events)
    cache.set("front", snapshot(rds_listener(), answering("hello")))
    port = await server.start()
    async with running_envoy(port, "a", variant) as envoy:
        await events.until(lambda: bool(events.of(StreamClosed)))
        why = "a: is an Envoy ('envoy'), but group 'front' is for gRPC clients"
        assert events.of(StreamClosed)[0].reason == why
        assert await envoy.stat("control_plane.connected_state") == 0
        kind[0] = "envoy"
        await events.until(lambda: events.status.applied("a", cache.get("front")))  # type: ignore[arg-type] # the cache has it
        await envoy.until_listening()
        assert await envoy.get() == (200, "hello")
    await server.stop()
