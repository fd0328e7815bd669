"""The client status service, asked by a real gRPC client about real Envoys and gRPC clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from tests.xds_server.playbook import CLUSTER, ENDPOINT, LISTENER, NODE, ROUTE, a_cluster
from tests.xds_server.real_envoy import DEADLINE, Envoy, running_envoy, upstream
from tests.xds_server.resources import eds_cluster, routed, weighted
from tests.xds_server.test_grpcio import echo, grpc_client
from tests.xds_server.test_grpcio import mesh as grpc_mesh
from tests.xds_server.test_real_envoy import Plane, control_plane, mesh
from xds_server import mirror
from xds_server.clients import csds
from xds_server.clients.csds import SERVICE, Csds, Question, answer
from xds_server.clients.view import ClientView, TypeView
from xds_server.errors import RemoteXdsError
from xds_server.events import Nacked
from xds_server.protos import core, matcher, status, tls
from xds_server.resource import Resource, ResourceType
from xds_server.snapshot import Snapshot

Told = Mapping[tuple[ResourceType, str], str]


class Asker:
    """A gRPC client of the service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._fetch = channel.unary_unary(f"/{SERVICE}/FetchClientStatus")
        self._stream = channel.stream_stream(f"/{SERVICE}/StreamClientStatus")

    async def configs(self, *nodes: str, **more: Any) -> list[Any]:
        return list(_read(await self._fetch(_request(*nodes, **more))))

    async def told(self, node: str) -> Told:
        configs = await self.configs(node)
        return {
            _key(each): _statuses(each) for config in configs for each in config.generic_xds_configs
        }

    async def until(self, node: str, *, has: Told) -> Told:
        async with asyncio.timeout(DEADLINE):
            while True:
                told = await self.told(node)
                if has.items() <= told.items():
                    return told

    async def twice(self) -> list[int]:
        """Two questions on one stream: how many clients each answer has."""
        call = self._stream(iter([_request(), _request("nobody")]))
        return [len(_read(data)) async for data in call]


def _request(*nodes: str, **more: Any) -> bytes:
    wanted = [matcher.NodeMatcher(node_id=matcher.StringMatcher(exact=each)) for each in nodes]
    return mirror.serialize(status.ClientStatusRequest(node_matchers=wanted, **more))


def _read(data: bytes) -> Any:
    return mirror.parse(status.ClientStatusResponse, data).config


def _key(config: Any) -> tuple[ResourceType, str]:
    kind = ResourceType.of(config.type_url)
    assert kind
    return kind, config.name


def _statuses(config: Any) -> str:
    names = config.DESCRIPTOR.fields_by_name
    theirs = names["config_status"].enum_type.values_by_number[config.config_status].name
    ours = names["client_status"].enum_type.values_by_number[config.client_status].name
    return f"{theirs} {ours}"


@asynccontextmanager
async def asked_plane() -> AsyncIterator[tuple[Plane, Asker]]:
    async with (
        control_plane(services=lambda server: [Csds(server).handler()]) as plane,
        grpc.aio.insecure_channel(f"127.0.0.1:{plane.port}") as channel,
    ):
        yield plane, Asker(channel)


async def test_each_client_stands_where_it_says_that_it_stands() -> None:
    async with (
        asked_plane() as (plane, asker),
        running_envoy(plane.port, "sotw", "SotW") as sotw,
        running_envoy(plane.port, "delta", "Delta") as delta,
        grpc_client(plane.port) as client,
        upstream("a") as a,
        echo("!") as said,
    ):
        good = [*mesh(routed("a"), {"a": a})]
        waits = [each for each in grpc_mesh(said) if each.type is not ROUTE]
        plane.cache.set("node", Snapshot.of(waits))
        async with asyncio.TaskGroup() as group:
            for node in ("sotw", "delta"):
                group.create_task(plane.applied(*good, node=node))
            hears = group.create_task(client.say("hi"))
            taken = {
                (CLUSTER, "a"): "SYNCED ACKED",
                (ENDPOINT, "a"): "SYNCED ACKED",
                (LISTENER, "front"): "SYNCED ACKED",
                (ROUTE, "routes"): "SYNCED ACKED",
            }
            for node in ("sotw", "delta"):
                assert await asker.until(node, has=taken) == taken
            listens = {(LISTENER, "svc"): "SYNCED ACKED", (ROUTE, "routes"): "NOT_SENT REQUESTED"}
            assert await asker.until("node", has=listens) == listens
            plane.serve(*grpc_mesh(said))
        assert hears.result() == "hi!"
        assert set((await asker.told("node")).values()) == {"SYNCED ACKED"}
        await _as_envoy_says(asker, "sotw", sotw)
        await _as_envoy_says(asker, "delta", delta)
        await _refused(plane, asker, a)
        assert {config.node.id for config in await asker.configs()} == {"sotw", "delta", "node"}
        assert await asker.twice() == [3, 0]
        asked_at_once = await asyncio.gather(*(asker.configs() for _ in range(20)))
        assert [len(each) for each in asked_at_once] == [3] * 20


async def _as_envoy_says(asker: Asker, node: str, envoy: Envoy) -> None:
    """Versions and contents are those of the client's own dump."""
    (config,) = await asker.configs(node)
    ours = {
        each.name: (
            each.version_info,
            {"@type": each.type_url, **mirror.render(each.type_url, each.xds_config.value)},
        )
        for each in config.generic_xds_configs
        if each.type_url != ENDPOINT.type_url  # Envoy dumps what it made of them, and no version
    }
    assert ours == dict(_dumped(json.loads(await envoy.admin("/config_dump"))["configs"]))
    assert config.node.user_agent_name == "envoy"


def _dumped(configs: list[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """What of a dump came from a control plane, each resource with the version beside it."""
    for config in configs:
        for key in ("dynamic_active_clusters", "dynamic_listeners", "dynamic_route_configs"):
            for each in config.get(key, ()):
                held = each.get("active_state", each)
                resource = next(
                    held[noun] for noun in ("cluster", "listener", "route_config") if noun in held
                )
                yield resource["name"], (held["version_info"], resource)


async def _refused(plane: Plane, asker: Asker, port: int) -> None:
    """A route that Envoy refuses, and a cluster that waits for its endpoints."""
    origins = {"virtual_hosts[0].routes[0]": "canary.yaml:14:22"}
    bad = [*mesh(weighted({"a": 0}, origins=origins), {"a": port}), eds_cluster("late")]
    for node in ("sotw", "delta"):
        plane.cache.set(node, Snapshot.of(bad))
    refused = {(ROUTE, "routes"): "ERROR NACKED"}
    awaited = {(ENDPOINT, "late"): "NOT_SENT REQUESTED"}
    await asker.until("sotw", has=refused | awaited)
    missing = {(ENDPOINT, "late"): "NOT_SENT DOES_NOT_EXIST"}
    await asker.until("delta", has=refused | missing)
    for config in await asker.configs("sotw", "delta"):
        (error,) = [
            each.error_state for each in config.generic_xds_configs if each.error_state.details
        ]
        assert error.details == (
            "canary.yaml:14:22: virtual_hosts[0].routes[0].route.weighted_clusters: "
            "Sum of weights in the weighted_cluster must be greater than 0."
        )
        assert error.failed_configuration.value == bad[-2].body
    assert len(plane.events.of(Nacked)) == 2


def test_contents_may_be_left_out_and_private_keys_always_are() -> None:
    key = core.DataSource(inline_string="-----BEGIN PRIVATE KEY-----")
    secret = tls.Secret(name="s", tls_certificate=tls.TlsCertificate(private_key=key))
    clients = [_client([CLUSTER, ResourceType.SECRET], a_cluster("a"), Resource.of(secret))]
    (config,) = _read(_result(answer(Question(lambda node: True, contents=True), clients)))
    a, s = [each.xds_config.value for each in config.generic_xds_configs]
    assert a == a_cluster("a").body
    assert (s.count(b"PRIVATE KEY"), s.count(b"[redacted]")) == (0, 1)
    (config,) = _read(_result(answer(Question(lambda node: True, contents=False), clients)))
    assert not any(each.HasField("xds_config") for each in config.generic_xds_configs)


def _client(kinds: Iterable[ResourceType], *resources: Resource) -> ClientView:
    """One that took all of these types."""
    snapshot = Snapshot.of(resources)
    types = tuple(
        TypeView(kind, True, frozenset(), snapshot.versions(kind), "1", 0.0, (), None)
        for kind in kinds
    )
    return ClientView(NODE, "peer", "node", "SotW", 0.0, snapshot, lambda: types)


def _result(steps: Any) -> bytes:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return bytes(done.value)


def test_an_answer_about_too_much_is_refused_before_it_is_put_together() -> None:
    many = _client([CLUSTER], *(a_cluster(f"c{i}") for i in range(1_000)))
    with pytest.raises(RemoteXdsError) as refused:
        next(answer(Question(lambda node: True, contents=True), [many] * 101))
    assert refused.value.status == "RESOURCE_EXHAUSTED"
    assert str(refused.value) == (
        "of 1 clients, the first 1 have 101000 resources, wanted at most 100000: "
        "ask for single nodes by node_matchers"
    )


def test_an_answer_of_too_many_bytes_says_what_to_leave_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csds, "MAX_BYTES", 10_000)
    one = _client([CLUSTER], *(a_cluster(f"c{i}", "x" * 4_000) for i in range(5)))
    with pytest.raises(
        RemoteXdsError,
        match="the first 3 resources have 1.... bytes, wanted at most 10000 bytes, or without",
    ):
        _result(answer(Question(lambda node: True, contents=True), [one]))
    assert _result(answer(Question(lambda node: True, contents=False), [one]))


async def test_a_question_that_makes_no_sense_is_told_so() -> None:
    async with asked_plane() as (_, asker):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await asker._fetch(b"\xff")
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "no ClientStatusRequest" in str(refused.value.details())
        metadata = matcher.NodeMatcher(node_metadatas=[matcher.StructMatcher()])
        question = mirror.serialize(status.ClientStatusRequest(node_matchers=[metadata]))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await anext(aiter(asker._stream(iter([question]))))
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
