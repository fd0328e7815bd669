"""``meshloom tap`` as a process of its own, against a hub in this one."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
import tempfile
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from meshloom.state import TAP_SOCKET, announce, mesh_folder
from meshloom.tap import options
from meshloom.tap.watch import unseen
from tap.live.hub import Hub, TapTarget
from tap.live.server import serve
from tap.sources.source import Attached, Chunk, FakeSource
from tap.topology import Endpoint, Listener, Topology
from tests.meshloom.command import inside

TRACES = (Path(__file__).parents[2] / "tap" / "data" / "buffered.traces").read_bytes()
TOPOLOGY = Topology(
    {"127.0.0.1:15001": Listener("web-1", "outbound", "web")},
    {"127.0.0.1:41593": Endpoint("reviews", "v2")},
)
COMMAND = "from meshloom.tap import app; app()"
END = "watching 1 Envoy   3 seen"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:  # short, for the socket's path
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield


@asynccontextmanager
async def running_mesh() -> AsyncIterator[None]:
    """A mesh whose one Envoy sends three recorded requests to whoever watches first."""
    hub = Hub(
        [TapTarget("web-1", "")],
        TOPOLOGY,
        open_source=lambda target, request: FakeSource(Attached(), Chunk(TRACES)),
    )
    with mesh_folder() as folder:
        async with serve(hub, folder / TAP_SOCKET):
            announce(folder, {"name": "bookinfo"})
            yield


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", COMMAND, *arguments, stdout=PIPE, stderr=PIPE
    )


async def run(*arguments: str) -> tuple[int | None, list[str], list[str]]:
    process = await start(*arguments)
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode().splitlines(), err.decode().splitlines()


pytestmark = pytest.mark.usefixtures("runtime")


async def test_a_line_for_each_request_and_the_coverage_at_the_end() -> None:
    async with running_mesh():
        code, out, err = await run("-n", "3")
    assert (code, err) == (0, [])
    first, second, third, end = out
    assert "web → reviews v2               GET /a                 200" in first
    assert first.endswith("id 0001")
    assert "POST /b" in second
    assert third.endswith("UH no healthy upstream   id 0003")
    assert end == f"{END}   3 shown   0 lost"


async def test_a_filter_and_bodies() -> None:
    async with running_mesh():
        code, out, err = await run("--match", "~m POST & service == reviews", "-n", "1", "--body")
    assert (code, err) == (0, [])
    assert out[1:3] == ["    request body, 5 bytes, text", "    | hello"]
    assert out[-1] == f"{END}   1 shown   0 lost"


async def test_json_is_one_object_for_each_exchange_and_nothing_else() -> None:
    async with running_mesh():
        code, out, err = await run("--json", "-n", "2", "-s", "reviews")
    assert code == 0
    assert [json.loads(line)["request"]["path"] for line in out] == ["/a", "/b"]
    assert json.loads(out[0])["destination"]["version"] == "v2"
    assert "s3cr3t" not in "".join(out)
    assert err == [f"{END}   2 shown   0 lost"]


async def test_ctrl_c_ends_with_the_coverage() -> None:
    async with running_mesh():
        process = await start("--match", "status == 503")
        assert process.stdout is not None
        first = await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            rest, err = await process.communicate()
    assert b"GET /no-host" in first
    assert (process.returncode, rest.decode(), err) == (0, f"{END}   1 shown   0 lost\n", b"")


async def test_the_end_of_the_mesh_is_the_end() -> None:
    async with running_mesh():
        process = await start()
        assert process.stdout is not None
        await process.stdout.readline()
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"the mesh has ended\n")
    assert out.decode().splitlines()[-1].startswith("watching ")


async def test_a_wrong_filter_shows_its_place() -> None:
    async with running_mesh():
        code, out, err = await run("--match", "status >= lots")
    assert (code, out) == (2, [])
    assert err == [
        "meshloom tap: 'lots' is no whole number",
        "  status >= lots",
        "            ^",
    ]


async def test_an_unknown_service_is_told_the_known_ones() -> None:
    async with running_mesh():
        code, out, err = await run("--service", "revews")
    assert (code, out) == (2, [])
    assert err == ["meshloom tap: unknown service 'revews', the mesh has reviews, web"]


@pytest.mark.parametrize("command", [[], ["top"]])
def test_a_mesh_that_serves_no_tap_is_named(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(options, "SERVED_WITHIN", 0.1)
    with mesh_folder() as folder:
        announce(folder, {"name": "bookinfo"})
        done = inside("tap", *command)
    assert (done.code, done.out) == (2, "")
    where = f"{folder / TAP_SOCKET}: [Errno 2] {os.strerror(2)}"
    assert done.err == f"meshloom tap: no tap is served at {where}\n"


@pytest.mark.parametrize("command", [[], ["top"]])
def test_a_mesh_that_has_only_just_come_up_is_waited_for(command: list[str]) -> None:
    with mesh_folder() as folder:
        announce(folder, {"name": "bookinfo"})
        threading.Timer(0.3, (folder / TAP_SOCKET).touch).start()
        done = inside("tap", *command)
    refused = os.strerror(errno.ECONNREFUSED)  # somebody is there, but no hub
    assert done.code == 2
    assert refused in done.err


def test_what_passes_no_envoy_is_named_as_not_seen() -> None:
    services = {"web": {"dataplane": "sidecar"}, "greeter": {"dataplane": "grpc"}}
    assert list(unseen({"services": services})) == [
        "not seen: requests between services without an Envoy (greeter)"
    ]
    assert list(unseen({"services": {"web": {"dataplane": "sidecar"}}})) == []


def test_views_that_exclude_one_another_are_refused() -> None:
    for both in (("--tui", "--web"), ("--tui", "--json"), ("--web", "-n", "3")):
        done = inside("tap", *both)
        assert done.code == 2
        assert "views of their own" in done.err


async def test_the_terminal_view_needs_a_terminal() -> None:
    async with running_mesh():
        code, out, err = await run("--tui")
    assert (code, out) == (2, [])
    assert "--tui needs a terminal" in err[0]
