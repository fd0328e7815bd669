"""A real Envoy and its hub when things go wrong: what was finished is there, the rest is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from mesh_traffic import Exchange
from tap.live.coverage import Coverage
from tap.live.hub import Hub
from tap.live.viewer import Viewer
from tap.sources.access_log import access_logs
from tap.traces.request import BODY_BYTES
from tests.tap.conftest import Envoy
from tests.tap.watched import ask, attached, shown, watching_both

BOTH = ("tap", "access log")
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def before(answer: Answer, envoy: Envoy, folder: Path) -> AsyncIterator[Envoy]:
    """An Envoy of its own, before an upstream that treats each connection as ``answer`` does."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    running = Envoy(envoy.binary, folder, server.sockets[0].getsockname()[1])
    await asyncio.to_thread(running.start)
    try:
        yield running
    finally:
        running.kill()
        server.close()


def memory(pid: int | str, what: str = "VmRSS") -> int:
    """MiB that a process has in memory, or had at most (``VmHWM``)."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def forget_most(pid: int | str) -> None:
    """What it had at most is what it has now (proc_pid_clear_refs(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def next_exchange(viewer: Viewer) -> Exchange | None:
    """None if no further one comes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1.2):  # a half that has no other goes alone after a second
            while True:
                if isinstance(event := await viewer.next(), Exchange):
                    return event
    return None


async def test_what_an_envoy_finished_before_it_was_killed_is_there_and_capture_goes_on(
    envoy: Envoy,
) -> None:
    count = 30
    async with watching_both(envoy) as (hub, viewer), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{envoy.outbound}"
        for number in range(count):
            async with session.post(f"{url}/done/{number}", data=b"x" * 2000) as answer:
                assert answer.status == 200
        held = asyncio.ensure_future(session.get(f"{url}/held"))
        done = [await shown(viewer) for _ in range(count)]
        envoy.kill()
        with pytest.raises(aiohttp.ClientError):
            await held
        told = await viewer.next()
        assert isinstance(told, Coverage)
        assert told.notes == ("productpage: its connection was lost",)
        envoy.start()
        await hub.update([envoy.target], envoy.topology)
        await attached(viewer)
        await ask(envoy.outbound, "/after")
        after = await shown(viewer)
        assert await next_exchange(viewer) is None  # and no second one of its other half
    assert {each.sources for each in done} == {BOTH}
    assert (after.request.path, after.sources) == ("/after", BOTH)


BIG, PART = 100_000_000, b"0123456789" * 10_000


async def big(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes so much, answers as much, and keeps none of it."""
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(BIG // len(PART)):
        await reader.readexactly(len(PART))
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % BIG)
    async for part in parts():
        writer.write(part)
        await writer.drain()


async def parts() -> AsyncIterator[bytes]:
    for _ in range(BIG // len(PART)):
        yield PART


async def exchanged(port: int) -> int:
    """Send so much, and read what comes; how many bytes that was."""
    url, length = f"http://127.0.0.1:{port}/big", {"content-length": str(BIG)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=parts(), headers=length) as response,
    ):
        assert response.status == 200
        return sum([len(data) async for data in response.content.iter_any()])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="no /proc of Linux")
async def test_100_mb_up_and_down_pass_and_nobody_keeps_them(envoy: Envoy, tmp_path: Path) -> None:
    async with before(big, envoy, tmp_path) as own, watching_both(own) as (hub, viewer):
        assert own.process is not None
        pids = (own.process.pid, "self")
        for pid in pids:
            forget_most(pid)
        first = [memory(pid) for pid in pids]
        assert await exchanged(own.outbound) == BIG
        exchange = await shown(viewer)
        grown = [memory(pid, "VmHWM") - then for pid, then in zip(pids, first, strict=True)]
        assert hub.coverage().lost == 0
    assert exchange.sources == BOTH
    assert exchange.response is not None
    for body in (exchange.request.body, exchange.response.body):
        assert (body.data, body.truncated, body.size) == (PART[:BODY_BYTES], True, BIG)
    assert max(grown) < 20, f"MiB more of Envoy, of hub and test: {grown}"


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An upstream that reads or sends 300 of 1,000 bytes, and dies, or waits for its client to."""
    path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
    if path.startswith(b"/up"):
        await reader.readexactly(300)
    if path.startswith(b"/down"):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"y" * 300)
        await writer.drain()
    if path.endswith(b"client"):
        await reader.read()
    else:
        await asyncio.sleep(0.05)  # so that Envoy has passed on what came
        writer.transport.abort()


@pytest.mark.parametrize(
    ("path", "sent", "got", "status", "flag"),
    [
        ("/down/upstream", 0, 300, 200, "UPE"),
        ("/up/upstream", 300, 95, 503, "UC"),  # 95: Envoy's own words
        ("/down/client", 0, 300, 200, "DC"),
        ("/up/client", 300, 0, None, "DC"),
    ],
)
async def test_a_body_that_is_cut_off_is_there_as_far_as_it_came_with_the_reason(
    envoy: Envoy, tmp_path: Path, path: str, sent: int, got: int, status: int | None, flag: str
) -> None:
    async with before(cut, envoy, tmp_path) as own, watching_both(own) as (hub, viewer):
        reader, writer = await asyncio.open_connection("127.0.0.1", own.outbound)
        length = b"content-length: 1000\r\n" if sent else b""
        writer.write(b"POST %s HTTP/1.1\r\nhost: a\r\n%s\r\n" % (path.encode(), length))
        writer.write(b"z" * sent)
        if path.endswith("client"):
            await (reader.readuntil(b"yyy") if got else asyncio.sleep(0.05))
            writer.transport.abort()
        exchange = await shown(viewer)
        writer.close()
        assert hub.coverage().lost == 0
    response = exchange.response
    assert exchange.sources == BOTH
    assert (exchange.request.body.data, exchange.request.body.size) == (b"z" * sent, sent)
    assert (response and response.status, exchange.flags) == (status, (flag,))
    assert (response.body.size if response else 0) == got


JUNK = {
    "every byte": bytes(range(256)) * 8,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 500,
    "nothing": b"\0" * 100_000,
    "two lengths": b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
    "a field without an end": b"GET / HTTP/1.1\r\n" + b"x" * 100_000,
    "no chunk": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "a path that is no text": b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
}


async def test_bytes_that_are_no_request_are_seen_once_each_with_envoys_answer(
    envoy: Envoy,
) -> None:
    async with watching_both(envoy) as (hub, viewer):
        for name, junk in JUNK.items():
            reader, writer = await asyncio.open_connection("127.0.0.1", envoy.outbound)
            with suppress(ConnectionError):  # Envoy need not read all of it
                writer.write(junk)
                await reader.read(100)
            writer.close()
            seen = await shown(viewer)
            assert seen.response is not None, name
            assert (seen.response.status in (400, 431), seen.flags) == (True, ("DPE",)), name
        await ask(envoy.outbound, "/fine")
        assert (await shown(viewer)).request.path == "/fine"
        assert hub.coverage().lost == 0


async def test_beside_another_tap_session_there_is_what_the_access_log_tells(envoy: Envoy) -> None:
    other = Hub([envoy.target], envoy.topology)
    async with other.running():
        with other.watch() as first:
            await attached(first)
            hub = Hub([envoy.target], envoy.topology, logged=True)
            async with hub.running(), access_logs(envoy.captures, hub.open_log):
                with hub.watch() as second:
                    await ask(envoy.outbound, "/a", "POST", data=b"12345")
                    exchange = await shown(second)
                    told = second.coverage()
            whole = await shown(first)
    assert told.notes == ("productpage: another tap session holds it, and Envoy allows one",)
    assert (told.seen, told.shown, told.lost, told.reduced) == (1, 1, 0, 1)
    assert exchange.sources == ("access log",)
    assert (exchange.request.path, exchange.request.body.size) == ("/a", 5)
    assert whole.request.body.data == b"12345"
