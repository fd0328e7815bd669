"""Owner and consumer over real gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest

from mini_mesh.federation import consumer as consuming
from mini_mesh.federation.catalogue import FederatedService
from mini_mesh.federation.consumer import Consumer, NotFederated
from mini_mesh.federation.messages import METHOD, SERVICE
from mini_mesh.federation.owner import Owner, serving
from mini_mesh.federation.session import Refusal
from tests.mini_mesh.federation.given import API, service

AT = "127.0.0.1:0"


class Shelf:
    """What a consumer has been told."""

    def __init__(self) -> None:
        self.has: dict[str, FederatedService] = {}
        self.said: list[str] = []
        self.why = ""

    async def take(self, owner: str, name: str, told: FederatedService | None) -> str:
        if self.why:
            return self.why
        if told is None:
            self.has.pop(name, None)
        else:
            self.has[name] = told
        return ""


async def until(holds: Callable[[], bool], seconds: float = 5.0) -> float:
    """How long it took until it was so."""
    start = asyncio.get_running_loop().time()
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for is said by nobody
            await asyncio.sleep(0.002)
    return asyncio.get_running_loop().time() - start


@asynccontextmanager
async def following(port: int, token: str = "") -> AsyncIterator[Shelf]:
    shelf = Shelf()
    consumer = Consumer(f"127.0.0.1:{port}", shelf.take, token, state=shelf.said.append)
    task = asyncio.ensure_future(consumer.follow())
    try:
        yield shelf
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_service_comes_changes_and_goes_within_a_second() -> None:
    owner = Owner()
    async with serving(owner, AT) as port, following(port) as shelf:
        owner.publish({"api": API})
        await until(lambda: "api" in shelf.has)
        owner.publish({"api": API, "db": service("db")})
        assert await until(lambda: "db" in shelf.has) < 1.0
        owner.publish({"db": service("db", description="new")})
        assert await until(lambda: shelf.has["db"].description == "new") < 1.0
        assert await until(lambda: "api" not in shelf.has) < 1.0
        owner.publish({f"s{n}": service(f"s{n}") for n in range(200)})
        assert await until(lambda: len(shelf.has) == 200) < 5.0


async def test_what_is_refused_its_owner_hears() -> None:
    heard: list[Refusal] = []
    owner = Owner(heard.append)
    async with serving(owner, AT) as port, following(port) as shelf:
        shelf.why = "no room"
        owner.publish({"api": API})
        await until(lambda: bool(heard))
        assert (heard[0].name, heard[0].why) == ("api", "no room")


async def test_an_owner_that_ends_takes_its_services_with_it() -> None:
    owner = Owner()
    async with following_one(owner) as (shelf, stop):
        await until(lambda: "api" in shelf.has)
        await stop()
        await until(lambda: not shelf.has, 2.0)


@asynccontextmanager
async def following_one(owner: Owner) -> AsyncIterator[tuple[Shelf, Callable[[], object]]]:
    owner.publish({"api": API})
    context = serving(owner, AT)
    port = await context.__aenter__()
    async with following(port) as shelf:

        async def stop() -> None:
            await context.__aexit__(None, None, None)

        yield shelf, stop


async def test_an_owner_that_was_lost_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it told stays meanwhile; what it does not tell again is gone soon after it is back."""
    monkeypatch.setattr(consuming, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(consuming, "FORGOTTEN", 0.3)
    first = Owner()
    first.publish({"api": API, "db": service("db")})
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((first.handler(),))
    port = server.add_insecure_port(AT)
    await server.start()
    async with following(port) as shelf:
        await until(lambda: len(shelf.has) == 2)
        await server.stop(None)  # without a farewell
        await until(lambda: len(shelf.said) >= 2)
        assert len(shelf.has) == 2
        again = Owner()
        again.publish({"api": API})
        async with serving(again, f"127.0.0.1:{port}"):
            await until(lambda: list(shelf.has) == ["api"], 15.0)


async def test_without_the_token_nobody_listens() -> None:
    owner = Owner()
    owner.publish({"api": API})
    async with serving(owner, AT, token="secret") as port:
        async with following(port, "secret") as shelf:
            await until(lambda: "api" in shelf.has)
        stranger = Consumer(f"127.0.0.1:{port}", Shelf().take, "guess")
        with pytest.raises(NotFederated, match="wanted the metadata"):
            await stranger.follow()


async def test_who_does_not_speak_it_is_told() -> None:
    async with serving(Owner(), AT) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:

        async def words() -> AsyncIterator[bytes]:
            yield b"\xff"
            await asyncio.sleep(5)

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in to.stream_stream(f"/{SERVICE}/{METHOD}")(words()):
                pass
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_port_that_is_taken_is_said() -> None:
    async with serving(Owner(), AT) as port:
        with pytest.raises(OSError, match="can't be listened on"):
            async with serving(Owner(), f"127.0.0.1:{port}"):
                pass
