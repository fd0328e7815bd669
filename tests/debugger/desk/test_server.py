"""The desk's socket: answers, events, and what becomes of breakpoints whose owner left."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from debugger.desk.client import DebugError, Desk, desk_at
from debugger.gate.answers import Abort
from debugger.gate.edit import Edit
from debugger.gate.hold import Held, Release, Released
from meshloom.testing import LiveMesh

pytestmark = pytest.mark.asyncio(loop_scope="module")


def socket_of(live: LiveMesh) -> Path:
    return live._running.options.folder / "debug.sock"


@asynccontextmanager
async def desk(live: LiveMesh, sentence: str = "", **more: Any) -> AsyncIterator[Desk]:
    async with desk_at(socket_of(live)) as found:
        if sentence:
            await found.ask("break", sentence=sentence, **more)
        yield found


async def held(found: Desk) -> Held:
    async with asyncio.timeout(5):
        event = await found.event()
    assert isinstance(event, Held)
    return event


async def test_a_request_is_held_changed_and_let_go_from_another_process(live: LiveMesh) -> None:
    async with desk(live, "ingress") as found:
        asked = asyncio.create_task(live.get("/a"))
        event = await held(found)
        assert event.exchange.request.path == "/a"
        assert event.attributes["xds.cluster_name"] == "web"
        await found.release(event.id, Release("step", Edit({"x-new": "1"})))
        assert isinstance(await found.event(), Released)
        event = await held(found)
        await found.release(event.id, Release("abort", abort=Abort(418, b"\xff", {"a": "b"})))
        answer = await asked
    assert (answer.status, answer.body.data, answer.headers.get("a")) == (418, b"\xff", "b")


async def test_only_owners_hear_of_holds_and_whoever_watches(live: LiveMesh) -> None:
    async with desk(live, "ingress") as owner, desk(live) as watcher, desk(live) as other:
        await watcher.ask("watch")
        asked = asyncio.create_task(live.get("/a"))
        event = await held(owner)
        assert await held(watcher) == event
        told = await other.ask("list")
        assert [one["id"] for one in told["holds"]] == [event.id]
        assert [one["hits"] for one in told["breakpoints"]] == [1]
        await other.release(event.id, Release())
        assert (await asked).status == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await other.event()


async def test_when_an_owner_leaves_its_requests_go_on(live: LiveMesh) -> None:
    async with desk(live, "ingress") as owner:
        asked = asyncio.create_task(live.get("/a"))
        await held(owner)
    assert (await asked).status == 200
    async with desk(live) as other:
        assert (await other.ask("list"))["breakpoints"] == []


async def test_a_breakpoint_may_stay_when_its_owner_leaves(live: LiveMesh) -> None:
    async with desk(live, "ingress", keep=True):
        pass
    async with desk(live) as other:
        (one,) = (await other.ask("list"))["breakpoints"]
        await other.ask("remove", breakpoint=one["id"])
        assert (await other.ask("list"))["breakpoints"] == []


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"do": "brake"}, "unknown word 'brake'; did you mean 'break'?"),
        ({"do": "break", "sentence": "wep"}, "unknown service 'wep'; did you mean 'web'?"),
        ({"do": "break", "sentence": 3}, "'sentence' has to be text, got int"),
        ({"do": "break", "sentence": "web", "lease": 0}, "a lease of 0 s, wanted more than 0"),
        ({"do": "break", "sentence": "web", "lease": "x"}, "'lease' has to be a number, got 'x'"),
        ({"do": "break", "sentence": "web", "limit": 0}, "a limit of 0, wanted at least 1"),
        ({"do": "break", "sentence": "web", "skip": True}, "'skip' has to be a whole number"),
        ({"do": "break", "sentence": "web", "on_end": "x"}, "got an end of 'x', wanted 'open'"),
        ({"do": "release", "hold": "zz"}, "no request 'zz' is held; there is none"),
        ({"do": "release", "verb": "go"}, "unknown verb 'go'"),
        ({"do": "release", "set": []}, "'set' has to be an object of names and texts"),
        ({"do": "release", "remove": "x"}, "'remove' has to be a list of names"),
        ({"do": "release", "base64": "?"}, "'base64' is none"),
        ({"do": "release", "verb": "abort", "status": 99}, "got a status of 99, wanted one from"),
        ({"do": "remove"}, "no breakpoint 'None'; there is none"),
    ],
)
async def test_what_makes_no_sense_gets_words(
    live: LiveMesh, asked: dict[str, Any], why: str
) -> None:
    async with desk(live) as found:
        do = asked["do"]
        with pytest.raises(DebugError) as caught:
            await found.ask(do, **{name: it for name, it in asked.items() if name != "do"})
    assert str(caught.value).startswith(why)


@pytest.mark.parametrize("line", [b"junk\n", b"[]\n", b"1\n", b"[" * 100_000 + b"\n", b"\xff\n"])
async def test_junk_gets_an_error_and_no_more(live: LiveMesh, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(socket_of(live))
    writer.write(line)
    answer = json.loads(await reader.readline())
    assert answer["event"] == "error"
    writer.close()
    async with desk(live) as other:
        assert (await other.ask("list"))["holds"] == []


async def test_only_the_owner_of_the_mesh_may_come(live: LiveMesh) -> None:
    for name in ("debug.sock", "gate.sock"):
        mode = (live._running.options.folder / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


async def test_where_no_desk_is_somebody_says_so(tmp_path: Path) -> None:
    with pytest.raises(DebugError, match="no debugger is served at"):
        async with desk_at(tmp_path / "none.sock"):
            pass
