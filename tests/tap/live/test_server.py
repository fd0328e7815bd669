"""The hub's socket, from both sides: tap.live.server and tap.live.client."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from mesh_traffic import Exchange
from tap.live import server
from tap.live.client import TapError, Watch, watch
from tap.live.coverage import Coverage, SourceCount
from tap.live.hub import Hub, HubError
from tap.live.server import serve
from tap.topology import Endpoint, Topology
from tests.tap import watched
from tests.tap.watched import ask

SECRETS = {
    "authorization": "Bearer pl4nted-bearer",
    "cookie": "id=pl4nted-cookie; theme=dark",
    "x-api-key": "pl4nted-key",
    "proxy-authorization": "Basic cGw0bnRlZDpiYXNpYw==",
    "x-auth-token": "pl4nted-token",
}


ONE, TWO = {"tap": SourceCount(seen=1)}, {"tap": SourceCount(seen=2)}


async def seen(watching: Watch, wanted: int) -> list[Exchange | Coverage]:
    """All events up to the last coverage, asked for after so many exchanges."""
    events: list[Exchange | Coverage] = []
    async with asyncio.timeout(10):
        async for event in watching:
            events.append(event)
            if sum(isinstance(one, Exchange) for one in events) == wanted:
                watching.finish()
    return events


async def attached(watching: Watch) -> None:
    async with asyncio.timeout(10):
        async for event in watching:
            if isinstance(event, Coverage) and event.watching:
                return


async def test_two_clients_share_the_hub_and_each_gets_what_it_asked_for(
    envoy: Any, tmp_path: Path
) -> None:
    path = tmp_path / "tap.sock"
    hub = Hub([envoy.target], envoy.topology)
    async with (
        serve(hub, path),
        watch(path, match="~m POST", bodies=True) as posts,
        watch(path) as every,
    ):
        await attached(posts)
        await attached(every)
        await ask(envoy.outbound, "/a")
        await ask(envoy.outbound, "/b", "POST", data=b"hello")
        *_, post, end = await seen(posts, 1)
        assert end == Coverage(1, 1, seen=2, shown=1, sources=TWO)
        assert isinstance(post, Exchange)
        assert post.request.body.data == b"hello"
        first, second, end = await seen(every, 2)
        assert end == Coverage(1, 1, seen=2, shown=2, sources=TWO)
        assert isinstance(first, Exchange)
        assert isinstance(second, Exchange)
        assert (first.request.path, second.request.path) == ("/a", "/b")
        assert (second.request.body.data, second.request.body.size) == (b"", 5)
    assert not path.exists()


async def test_a_service_is_whom_a_request_comes_from_or_goes_to(
    envoy: Any, tmp_path: Path
) -> None:
    path = tmp_path / "tap.sock"
    endpoints = {**envoy.topology.endpoints, "127.0.0.1:1": Endpoint("ratings")}
    topology = Topology(envoy.topology.listeners, endpoints)
    async with (
        serve(Hub([envoy.target], topology), path),
        watch(path, service="ratings") as none,
        watch(path, service="productpage") as one,
    ):
        await attached(none)
        await attached(one)
        await ask(envoy.inbound, "/in")
        await ask(envoy.outbound, "/out")
        exchange, _ = await seen(one, 1)
        assert isinstance(exchange, Exchange)
        assert exchange.request.path == "/out"
        none.finish()
        assert (await seen(none, -1))[-1] == Coverage(1, 1, seen=2, shown=0, sources=TWO)


async def test_planted_secrets_leave_in_no_byte_of_the_socket(envoy: Any, tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    async with serve(Hub([envoy.target], envoy.topology), path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"bodies": true}\n')
        got = await reader.readline() + await reader.readline()
        assert json.loads(got.splitlines()[-1])["watching"] == 1
        for method in ("GET", "POST"):  # the upstream's answer repeats all that it was sent
            await ask(envoy.outbound, "/echo", method, headers=SECRETS)
            got += await reader.readline()
        writer.write_eof()
        got += await reader.read()
        writer.close()
    for secret in ("pl4nted", "cGw0bnRlZ", "s3cr3t-cookie"):
        assert secret not in got.decode()
    assert got.count(b"[redacted ") >= 2 * (2 * len(SECRETS) + 1)
    assert b"theme=dark" not in got


async def test_only_its_owner_may_open_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    async with serve(Hub(), path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_killed_hubs_socket_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(path))
    async with serve(Hub(), path):
        with pytest.raises(HubError, match=f"{path}: somebody listens there"):
            async with serve(Hub(), path):
                pass
        async with watch(path) as watching:
            watching.finish()
            assert (await seen(watching, -1))[-1] == Coverage()


async def test_a_path_that_no_socket_can_have_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="a socket's path can't be longer than 100 bytes"):
        async with serve(Hub(), tmp_path / ("x" * 100)):
            pass
    (tmp_path / "file").write_text("mine")
    with pytest.raises(HubError, match="Address already in use"):
        async with serve(Hub(), tmp_path / "file"):
            pass
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"match": "status >="}, r"expected a value, found the end\n  status >=\n           \^"),
        ({"service": "revews"}, "unknown service 'revews', the mesh has productpage, reviews"),
    ],
)
async def test_a_wrong_wish_is_refused_with_its_reason(
    wish: dict[str, str], message: str, tmp_path: Path
) -> None:
    topology = Topology({}, {"a": Endpoint("reviews"), "b": Endpoint("productpage")})
    path = tmp_path / "tap.sock"
    async with serve(Hub([], topology), path), watch(path, **wish) as watching:
        with pytest.raises(TapError, match=message):
            await seen(watching, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nonsense\n", "expected a JSON object with match, service, bodies"),
        (b'{"match": 1}\n', "match and service have to be text"),
        (b'{"color": 1}\n', "unexpected keyword argument 'color'"),
        (b"x" * 200_000, "limit"),
        (b"", "nothing was asked within 0.1 s"),
    ],
)
async def test_bytes_that_are_no_wish_are_answered_with_an_error(
    line: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ASK_WITHIN", 0.1)
    path = tmp_path / "tap.sock"
    async with serve(Hub(), path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        values = json.loads(await reader.readline())
        assert values["event"] == "error"
        assert message in values["message"]
        writer.close()


async def test_the_coverage_comes_by_itself_when_it_changed(
    envoy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "COVERAGE_EVERY", 0.05)
    path = tmp_path / "tap.sock"
    async with serve(Hub([envoy.target], envoy.topology), path), watch(path, match="~q") as none:
        await attached(none)
        await ask(envoy.outbound, "/a")
        async with asyncio.timeout(5):
            assert await anext(aiter(none)) == Coverage(1, 1, seen=1, sources=ONE)


async def test_a_client_that_is_gone_leaves_its_place(envoy: Any, tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    hub = Hub([envoy.target], envoy.topology)
    async with serve(hub, path):
        async with watch(path) as watching:
            await attached(watching)
        async with watched.watching(envoy):  # the Envoy's one session is free again
            assert hub.coverage().watching == 0


async def test_a_mesh_that_ends_is_the_end_of_the_events(tmp_path: Path) -> None:
    path = tmp_path / "tap.sock"
    async with serve(Hub(), path):
        _, writer = await asyncio.open_unix_connection(path)
        watching = Watch(_, writer)
        writer.write(b"{}\n")
        assert await anext(aiter(watching)) == Coverage()
    assert [event async for event in watching] == []
    writer.close()
