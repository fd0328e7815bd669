"""What a control plane tells of a real Envoy: to be, sent, accepted and in effect apart."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from mini_mesh.control.commands import SERVICE
from mini_mesh.control.plane import ControlPlane
from mini_mesh.events import Event
from tests.xds_server.playbook import a_cluster, snapshot
from tests.xds_server.real_envoy import DEADLINE, Envoy, Events, running_envoy
from tests.xds_server.resources import ADS, answering, http_listener, rds_listener, weighted
from tests.xds_server.serving.test_server import request
from xds_server import mirror
from xds_server.clients.journal import MAX_ENTRIES
from xds_server.protos import core, discovery, hcm, rpc
from xds_server.releases import release_id
from xds_server.resource import Resource
from xds_server.serving import services

ROUTES = hcm.Rds(config_source=ADS, route_config_name="routes")


class Asked:
    """A control plane, one Envoy called ``e``, and a channel for questions."""

    def __init__(self, channel: grpc.aio.Channel, control: ControlPlane) -> None:
        self._channel, self.control = channel, control
        self.events = Events()
        self.envoy: Envoy

    async def __call__(self, method: str, **question: Any) -> Any:
        call = self._channel.unary_unary(f"/{SERVICE}/{method}")
        return json.loads(await call(json.dumps(question).encode(), timeout=DEADLINE))

    async def refusal(self, method: str, data: bytes) -> tuple[str, str]:
        try:
            await self._channel.unary_unary(f"/{SERVICE}/{method}")(data, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            return error.code().name, error.details() or ""
        raise AssertionError("it was answered")

    async def serve(self, *resources: Resource) -> None:
        """Until it has accepted or refused all of it."""
        self.control.serve({"e": snapshot(*resources)})
        await self.control.in_effect()


@asynccontextmanager
async def asked(variant: str = "Delta") -> AsyncIterator[Asked]:
    reported: list[Event] = []
    admins: dict[str, str] = {}
    control = ControlPlane(reported.append, admins=lambda: admins)
    port = await control.start(0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        ask = Asked(channel, control)
        async with running_envoy(port, "e", variant) as ask.envoy:
            await ask.serve(rds_listener(), answering("old"))
            await ask.envoy.until_listening()
            admins["e"] = ask.envoy.admin_address
            yield ask
    await control.stop()


def types(node: Any) -> dict[str, Any]:
    return {each["type"]: each for each in node["types"]}


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_accepted_is_told_apart_from_in_effect(variant: str) -> None:
    async with asked(variant) as ask:
        (node,) = (await ask("Status"))["nodes"]
        assert (node["sent"], node["accepted"], node["in_effect"]) == (True, True, "yes")
        assert (node["node"], node["kind"], node["variant"]) == ("e", "envoy", variant)
        assert node["version"] == release_id(snapshot(rds_listener(), answering("old")))
        waiting = rds_listener(routes="not there yet")
        ask.control.serve({"e": snapshot(waiting, answering("old"))})
        await ask.control.in_effect()
        (node,) = (await ask("Status", node="e"))["nodes"]
        assert (node["sent"], node["accepted"], node["in_effect"]) == (True, True, "warming")
        assert types(node)["Listener"]["warming"] == ["front"]
        assert types(node)["RouteConfiguration"]["in_effect"] == "yes"
        diff = await ask("Diff", node="e")
        (row,) = diff["resources"]
        assert (row["type"], row["name"], row["change"]) == ("Listener", "front", "")
        assert row["to_be"] == row["sent"] == row["accepted"] == waiting.version
        assert row["in_effect"] == "warming"


async def test_where_nobody_can_be_asked_what_is_in_effect_it_is_unknown() -> None:
    async with asked() as ask:
        ask.control._admins().clear()  # type: ignore[attr-defined] # a mapping that the test may change
        for question in ({}, {"node": "e"}):
            (node,) = (await ask("Status", **question))["nodes"]
            assert (node["sent"], node["accepted"], node["in_effect"]) == (True, True, "unknown")
        counts = {name: each["resources"] for name, each in types(node).items()}
        assert counts == {"Cluster": 0, "Listener": 1, "RouteConfiguration": 1}
        assert (await ask("Diff", node="e"))["resources"] == []
        assert len((await ask("Diff", node="e", all=True))["resources"]) == 2


async def test_a_refusal_is_told_with_its_line_and_what_was_accepted_before() -> None:
    old, new = ({"a": 1, "b": each} for each in (1, 2))
    origins = {"virtual_hosts[0].routes[0]": "mesh.yaml:3:7"}
    async with asked() as ask:
        await ask.serve(rds_listener(), weighted(old))
        bad = weighted(new, origins=origins)
        broken = http_listener("other", filters=[hcm.HttpFilter(name="no.such")], rds=ROUTES)
        await ask.serve(rds_listener(), bad, broken)
        (node,) = (await ask("Status", node="e"))["nodes"]
        assert (node["sent"], node["accepted"], node["in_effect"]) == (True, False, "no")
        (refused,) = types(node)["Listener"]["refused"]
        assert refused["name"] == "other"
        assert "implementation for 'no.such'" in refused["text"]
        rows = {row["name"]: row for row in (await ask("Diff", node="e"))["resources"]}
        assert list(rows) == ["other"]
        assert (rows["other"]["change"], rows["other"]["in_effect"]) == ("added", "no")
        back = await ask("Rollback")
        assert back["why"] == ""
        assert back["version"] == release_id(snapshot(rds_listener(), weighted(old)))
        found = await ask("Status")
        assert found["version"] == back["version"]
        outcomes = [(each["outcome"], list(each["refused"])) for each in found["releases"]]
        assert outcomes == [("good", []), ("withdrawn", ["e"]), ("good", [])]
        assert await ask.refusal("Rollback", b'{"nodes": ["f"]}') == (
            "NOT_FOUND",
            "f: no such node, wanted e",
        )


async def test_a_refusal_is_told_of_many_nodes_too() -> None:
    async with asked() as ask:
        ask.control._admins().clear()  # type: ignore[attr-defined] # a mapping that the test may change
        await ask.serve(rds_listener(), weighted({"a": 0}, origins={"": "mesh.yaml:3:7"}))
        (node,) = (await ask("Status"))["nodes"]
        assert (node["sent"], node["accepted"]) == (True, False)
        (refused,) = types(node)["RouteConfiguration"]["refused"]
        assert (refused["name"], refused["place"]) == ("routes", "mesh.yaml:3:7")
        assert not types(node)["RouteConfiguration"]["accepted"]
        assert types(node)["Listener"]["accepted"]


async def test_more_than_can_be_told_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mini_mesh.control.answers.MAX_ROWS", 1)
    async with asked() as ask:
        code, why = await ask.refusal("Diff", b'{"node": "e"}')
        assert (code, why) == ("RESOURCE_EXHAUSTED", "e has 2 resources, wanted at most 1")


async def test_what_changed_in_a_resource_is_told_field_by_field() -> None:
    origins = {"virtual_hosts[0].routes[0]": "mesh.yaml:3:7"}
    async with asked() as ask:
        await ask.serve(rds_listener(), weighted({"a": 1, "b": 1}))
        await ask.serve(rds_listener(), weighted({"a": 0, "b": 0}, origins=origins))
        (row,) = (await ask("Diff", node="e"))["resources"]
        assert (row["type"], row["change"], row["in_effect"]) == (
            "RouteConfiguration",
            "changed",
            "no",
        )
        assert row["accepted"] == weighted({"a": 1, "b": 1}).version
        assert row["to_be"] == row["sent"] != row["accepted"]
        assert row["place"] == "mesh.yaml:3:7"
        clusters = "virtual_hosts[0].routes[0].route.weighted_clusters.clusters"
        assert [(each["path"], each["from"], each["to"]) for each in row["fields"]] == [
            (f"{clusters}[0].weight", 1, 0),
            (f"{clusters}[1].weight", 1, 0),
        ]
        assert row["fields"][0]["place"] == "mesh.yaml:3:7"
        assert row["fields_in_all"] == 2


async def test_resources_are_told_whole_with_their_lines() -> None:
    origins = {"virtual_hosts[0].routes[0]": "mesh.yaml:3:7"}
    async with asked() as ask:
        await ask.serve(rds_listener(), weighted({"a": 1}, origins=origins))
        found = await ask("Contents", node="e")
        assert (found["kind"], found["connected"], found["unserved"]) == ("envoy", True, [])
        (table,) = (each for each in found["resources"] if each["name"] == "routes")
        held = table["contents"][table["accepted"]]
        assert held["origins"] == origins
        assert held["content"]["virtual_hosts"][0]["name"] == "all"
        ask.control.serve({"f": snapshot(answering("x"))})
        (row,) = (await ask("Contents", node="f"))["resources"]
        assert (row["sent"], row["accepted"], list(row["contents"])) == ("", "", [row["to_be"]])


async def test_the_history_of_a_node_has_what_it_was_sent_and_how_long_it_took() -> None:
    async with asked() as ask:
        entries = (await ask("History", node="e"))["entries"]
        assert entries[0]["what"] == "opened"
        sent = next(e for e in entries if (e["what"], e["type"]) == ("sent", "Listener"))
        assert sent["names"] == ["front"]
        acked = next(e for e in entries if (e["what"], e["type"]) == ("acked", "Listener"))
        assert acked["version"] == sent["version"]
        assert 0 < acked["milliseconds"] < 10_000


async def test_a_node_that_is_not_there_is_told_as_such() -> None:
    async with asked() as ask:
        ask.control.serve({"e": snapshot(), "f": snapshot(answering("x"))})
        node = (await ask("Status", node="f"))["nodes"][0]
        assert (node["connected"], node["sent"], node["accepted"]) == (False, False, False)
        assert (await ask("Diff", node="f"))["connected"] is False
        assert (await ask("History", node="f"))["entries"] == []
        code, why = await ask.refusal("History", b'{"node": "g"}')
        assert (code, why) == ("NOT_FOUND", "g: no such node, wanted e or f")


async def test_of_many_nodes_an_error_names_a_few() -> None:
    async with asked() as ask:
        ask.control.serve({f"n{each:04}": snapshot() for each in range(1_000)})
        _, why = await ask.refusal("History", b'{"node": "f"}')
        assert why == (
            "f: no such node, wanted e, n0000, n0001, n0002, n0003, n0004, n0005, n0006, n0007 "
            "or 992 others"
        )


async def test_loads_are_there_where_somebody_reports_them() -> None:
    async with asked() as ask:
        assert await ask("Loads") == {"nodes": [], "clusters": [], "forgotten": 0}


async def test_a_client_that_refuses_for_ever_is_sent_it_once() -> None:
    control = ControlPlane(lambda event: None)
    port = await control.start(0)
    control.serve({"web": snapshot(a_cluster("no"))})
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = channel.stream_stream(f"/{services.ADS.name}/StreamAggregatedResources")()
        node = core.Node(id="web", user_agent_name="envoy")
        await stream.write(request(node=node))
        answer = mirror.parse(discovery.DiscoveryResponse, await stream.read())
        no = request(
            response_nonce=answer.nonce,
            error_detail=rpc.Status(code=3, message="never"),
        )
        for _ in range(MAX_ENTRIES):
            await stream.write(no)
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
    whats = [each.what for each in control.journal.of("web")]
    assert whats == ["opened", "sent", "nacked", "closed"]
    await control.stop()
