"""The echo as a mesh runs it: one real process, asked over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import grpc.aio
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from mini_mesh.echo.config import Call, Instance, encode, process_spec
from mini_mesh.ports import Ports
from mini_mesh.processes.process import Process
from mini_mesh.processes.supervisor import Supervisor


class Echo:
    """A running echo process."""

    def __init__(self, process: Process, lines: asyncio.Queue[str]) -> None:
        self.process = process
        self._lines = lines

    async def serve(self, *instances: Instance) -> str:
        """The line that it answers with."""
        self.process.write(encode(instances))
        return await asyncio.wait_for(self._lines.get(), timeout=10)


@asynccontextmanager
async def echoing() -> AsyncIterator[Echo]:
    lines: asyncio.Queue[str] = asyncio.Queue()
    async with Supervisor(on_line=lambda process, line: lines.put_nowait(line)) as supervisor:
        yield Echo(await supervisor.start(process_spec()), lines)
        assert list(lines._queue) == []  # type: ignore[attr-defined]  # it had nothing to add


async def ask(port: int, path: str = "/", **more: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            more.pop("method", "GET"), f"http://127.0.0.1:{port}{path}", **more
        ) as response,
    ):
        assert response.headers["x-meshloom-service"]
        return response.status, await response.json()


async def ask_grpc(port: int, method: str, content: dict[str, Any], **metadata: str) -> Any:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = Struct()
        request.update(content)
        call = channel.unary_unary(method)(
            request.SerializeToString(), metadata=list(metadata.items())
        )
        headers = dict(await call.initial_metadata())
        return headers, MessageToDict(Struct.FromString(await call))


async def test_a_chain_of_calls_comes_back_with_the_headers_that_each_hop_got() -> None:
    with Ports() as ports:
        page, reviews, ratings = (ports.take() for _ in range(3))
        to_ratings = (Call("ratings", f"http://127.0.0.1:{ratings}/stars"),)
        to_reviews = (Call("reviews", f"http://127.0.0.1:{reviews}"),)
        async with echoing() as echo:
            instances = (
                Instance("page", "v1", page, calls=to_reviews),
                Instance("reviews", "v2", reviews, calls=to_ratings),
                Instance("ratings", "v1", ratings),
            )
            assert await echo.serve(*instances) == "ready"
            headers = {"end-user": "jason", "x-forwarded-for": "1.2.3.4"}
            status, said = await ask(page, "/a%20b?q=1", method="PUT", data=b"hi", headers=headers)
    assert (status, said["service"], said["method"]) == (200, "page", "PUT")
    assert said["path"] == "/a%20b?q=1"
    assert said["body"] == {"length": 2, "text": "hi"}
    (call,) = said["calls"]
    second = call["answer"]
    assert (second["version"], second["method"], second["path"]) == ("v2", "GET", "/a%20b?q=1")
    assert ["host", "reviews"] in second["headers"]
    assert ["end-user", "jason"] in second["headers"]
    assert "x-forwarded-for" not in dict(second["headers"])
    third = second["calls"][0]["answer"]
    assert (third["service"], third["path"]) == ("ratings", "/stars")
    assert ["end-user", "jason"] in third["headers"]


@pytest.mark.parametrize(("asked", "status"), [(False, 200), (True, 502)])
async def test_a_callee_that_is_away_is_an_error_in_calls(asked: bool, status: int) -> None:
    with Ports() as ports:
        page, nobody = ports.take(), ports.take()
        calls = (Call("reviews", f"http://127.0.0.1:{nobody}"),)
        async with echoing() as echo:
            await echo.serve(Instance("page", "v1", page, calls=calls, fail_with_calls=asked))
            answered, said = await ask(page)
    assert answered == status
    (call,) = said["calls"]
    assert call["error"].startswith("ClientConnectorError: ")


async def test_http_calls_grpc_and_grpc_calls_http() -> None:
    with Ports() as ports:
        page, greeter, details = (ports.take() for _ in range(3))
        to_greeter = (Call("greeter", f"grpc://127.0.0.1:{greeter}/hello.Greeter/Say"),)
        to_details = (Call("details", f"http://127.0.0.1:{details}/d"),)
        async with echoing() as echo:
            instances = (
                Instance("page", "v1", page, calls=to_greeter),
                Instance("greeter", "v1", greeter, "grpc", calls=to_details),
                Instance("details", "v3", details),
            )
            assert await echo.serve(*instances) == "ready"
            _, said = await ask(page, headers={"End-User": "mary"})
            headers, direct = await ask_grpc(greeter, "/any.Thing/At", {"n": 1}, plan="team")
    through = said["calls"][0]["answer"]
    assert (through["service"], through["path"]) == ("greeter", "/hello.Greeter/Say")
    assert ["end-user", "mary"] in through["headers"]
    assert through["calls"][0]["answer"]["version"] == "v3"
    assert (headers["x-meshloom-service"], headers["x-meshloom-version"]) == ("greeter", "v1")
    assert (direct["path"], direct["body"]["message"]) == ("/any.Thing/At", {"n": 1})
    assert ["plan", "team"] in direct["calls"][0]["answer"]["headers"]


async def test_a_grpc_caller_that_fails_with_its_calls_is_unavailable() -> None:
    with Ports() as ports:
        greeter, nobody = ports.take(), ports.take()
        calls = (Call("details", f"grpc://127.0.0.1:{nobody}/a.B/C"),)
        async with echoing() as echo:
            instance = Instance("greeter", "v1", greeter, "grpc", calls, fail_with_calls=True)
            await echo.serve(instance)
            with pytest.raises(grpc.aio.AioRpcError, match="calls failed: details"):
                await ask_grpc(greeter, "/a.B/C", {})


async def test_a_change_of_instances_does_not_touch_the_others() -> None:
    with Ports() as ports:
        stays, goes, comes = (ports.take() for _ in range(3))
        async with echoing() as echo, aiohttp.ClientSession() as session:
            await echo.serve(Instance("a", "v1", stays), Instance("b", "v1", goes))
            reader, writer = await asyncio.open_connection("127.0.0.1", stays)
            await echo.serve(Instance("a", "v2", stays), Instance("c", "v1", comes))
            writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")  # the connection is the old one
            assert b" 200 " in await reader.readline()
            writer.close()
            assert (await ask(stays))[1]["version"] == "v2"
            assert (await ask(comes))[1]["service"] == "c"
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(f"http://127.0.0.1:{goes}/")


async def test_a_port_that_is_taken_is_said_and_the_others_are_served() -> None:
    with Ports() as ports:
        free, taken = ports.take(), ports.take()
        async with echoing() as echo:
            await echo.serve(Instance("a", "v1", taken))
            async with echoing() as other:
                said = await other.serve(Instance("b", "v1", taken), Instance("c", "v1", free))
                assert said.startswith(f"error: b v1: port {taken}: ")
                assert (await ask(free))[1]["service"] == "c"


async def test_clients_that_hang_up_and_long_bodies_do_no_harm() -> None:
    with Ports() as ports:
        port = ports.take()
        async with echoing() as echo:
            await echo.serve(Instance("a", "v1", port))
            for start in (
                b"",
                b"GET / HT",
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx",
            ):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(start)
                await writer.drain()
                writer.close()
            status, said = await ask(port, method="POST", data=b"x" * 100_000)
            assert (status, said["body"]) == (200, {"length": 100_000})


async def test_a_line_that_is_no_config_is_refused_and_the_process_goes_on() -> None:
    async with echoing() as echo:
        echo.process.write(b"{\n")
        assert (await echo.serve()).startswith("error: no config: ")
        assert await asyncio.wait_for(echo._lines.get(), timeout=5) == "ready"
