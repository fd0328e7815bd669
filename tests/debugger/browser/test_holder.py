"""A breakpoint's page with real Envoys: over HTTP, and in a real browser."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from debugger.desk.client import DebugError, desk_at
from debugger.gate.edit import Edit
from debugger.gate.hold import Release
from mesh_traffic import Response
from meshloom.debug.browser import holding
from meshloom.state import DEBUG_SOCKET
from meshloom.testing import LiveMesh, mesh
from meshloom.up import DEMO
from tests.tap.flows.web.asking import Asker
from tests.tap.flows.web.chromium import Tab, find_chromium, opened

CHROMIUM = find_chromium()
PATIENCE = 10.0  # seconds
TEXT = {"content-type": "text/plain", "authorization": "Bearer pl4nted-bearer"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def live() -> AsyncIterator[LiveMesh]:
    async with mesh(DEMO) as running:
        yield running


def socket_of(live: LiveMesh) -> Path:
    return live._running.options.folder / DEBUG_SOCKET


class Browser(Asker):
    """Somebody with the token, who sees what is held."""

    async def flows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((await self.ask("/flows"))[1])
        return found

    async def first(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE):
            while len(found := await self.flows()) < count:  # noqa: ASYNC110 # it is elsewhere
                await asyncio.sleep(0.02)
        return found

    async def until(self, wanted: str, flow_id: str = "") -> dict[str, Any]:
        """The flow whose comment has the words."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for flow in await self.flows():
                    if wanted in flow["comment"] and flow_id in ("", flow["id"]):
                        return flow
                await asyncio.sleep(0.02)

    async def answered(self, flow_id: str, status: int) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                for flow in await self.flows():
                    if flow["id"] == flow_id and flow.get("response"):
                        assert flow["response"]["status_code"] == status
                        return flow
                await asyncio.sleep(0.02)


@asynccontextmanager
async def looking(live: LiveMesh, sentence: str, **more: object) -> AsyncIterator[Browser]:
    asked = {"sentence": sentence, "lease": 60.0, **more}
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        holding(socket_of(live), asked) as (page, _),
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        one = Browser(page, session)
        await one.enter()
        yield one


@asynccontextmanager
async def asked(live: LiveMesh, body: bytes = b"") -> AsyncIterator[asyncio.Task[Response]]:
    """A request to reviews that is under way."""
    sent = live.post("/reviews/1", body, service="reviews", headers=TEXT)
    task = asyncio.ensure_future(sent)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def told(response: Response) -> dict[str, Any]:
    """What the upstream says that it got."""
    found: dict[str, Any] = json.loads(response.body.data)
    return found


def headers_of(got: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in got["headers"]}


async def test_what_is_edited_on_the_page_reaches_the_upstream_and_its_answer_is_shown(
    live: LiveMesh,
) -> None:
    async with looking(live, "reviews when phase == request-body") as owner:
        async with asked(live, b"five stars") as task:
            flow = await owner.until("held")
            assert flow["intercepted"]
            assert "request body, for 60 s at most; " in flow["comment"]
            fields = [one for one in flow["request"]["headers"] if one[0] != "accept"]
            assert dict(fields)["authorization"].startswith("[redacted ")
            change = {"headers": [*fields, ["x-plan", "team"]], "path": "/reviews/2"}
            address = f"/flows/{flow['id']}"
            body = {"request": {"content": "one star"}}
            assert (await owner.change(address, "PUT", json={"request": change}))[0] == 200
            assert (await owner.change(address, "PUT", json=body))[0] == 200
            assert not task.done()
            assert (await owner.change(f"{address}/resume"))[:2] == (200, "")
            got = told(await task)
        assert (got["path"], got["body"]["text"]) == ("/reviews/2", "one star")
        found = headers_of(got)
        assert (found["x-plan"], found["content-length"]) == ("team", "8")
        assert found["authorization"] == "Bearer pl4nted-bearer"
        assert "accept" not in found
        shown = await owner.answered(flow["id"], 200)
        assert not shown["intercepted"]
        assert shown["comment"].startswith("continued after ")
        assert ["x-plan", "team"] in shown["request"]["headers"]
        assert owner.page.about().find("0 held   1 let go") > 0


async def test_a_response_is_edited_where_it_is_held_and_its_request_is_not(
    live: LiveMesh,
) -> None:
    async with looking(live, "reviews when phase == response-body") as owner:
        async with asked(live) as task:
            flow = await owner.until("held")
            address = f"/flows/{flow['id']}"
            late = {"request": {"path": "/3"}}
            status, text, _ = await owner.change(address, "PUT", json=late)
            assert (status, text) == (
                409,
                "the request is on its way already: the response is held\n",
            )
            edit = {"response": {"code": 418, "content": "short and stout"}}
            assert (await owner.change(address, "PUT", json=edit))[0] == 200
            assert (await owner.change(f"{address}/resume"))[0] == 200
            response = await task
        assert (response.status, response.body.data) == (418, b"short and stout")


async def test_who_is_killed_gets_a_503_and_the_upstream_nothing(live: LiveMesh) -> None:
    async with looking(live, "reviews") as owner:
        async with asked(live) as task:
            flow = await owner.until("held")
            assert (await owner.change(f"/flows/{flow['id']}/kill"))[0] == 200
            response = await task
        assert (response.status, response.body.data) == (503, b"killed in the debugger\n")
        shown = await owner.answered(flow["id"], 503)
        assert shown["comment"].startswith("answered at once after ")
        assert "meshloom_debug" in json.dumps(shown) or shown["marked"]


async def test_what_the_desk_refuses_is_said_and_the_request_is_still_held(
    live: LiveMesh,
) -> None:
    async with looking(live, "reviews") as owner, asked(live) as task:
        flow = await owner.until("held")
        address = f"/flows/{flow['id']}"
        for path, why in (
            ("no slash", ":path: got 'no slash', wanted a path"),
            ("/[redacted+abcdef]", ":path: [redacted+abcdef] stands for a secret"),
        ):
            await owner.change(address, "PUT", json={"request": {"path": path}})
            status, text, _ = await owner.change(f"{address}/resume")
            assert (status, text[: len(why)]) == (409, why)
            (held,) = await owner.flows()
            assert held["intercepted"]
            assert held["comment"].startswith(f"refused: {why}")
            assert why in owner.page.about()
        await owner.change(address, "PUT", json={"request": {"path": "/reviews/9"}})
        assert "refused" not in (await owner.flows())[0]["comment"]
        await owner.change(f"{address}/resume")
        assert told(await task)["path"] == "/reviews/9"


async def test_all_go_on_at_once_each_with_its_edits(live: LiveMesh) -> None:
    async with looking(live, "reviews") as owner, asked(live) as one, asked(live) as other:
        flows = await owner.first(2)
        for flow, path in zip(flows, ("/one", "bad"), strict=True):
            await owner.change(f"/flows/{flow['id']}", "PUT", json={"request": {"path": path}})
        status, text, _ = await owner.change("/flows/resume")
        assert (status, text.startswith(f"{flows[1]['id']}: :path: ")) == (409, True)
        done, waiting = await asyncio.wait({one, other}, return_when=asyncio.FIRST_COMPLETED)
        assert told(await done.pop())["path"] == "/one"
        assert len(waiting) == 1


async def test_a_hold_that_ends_otherwise_is_no_longer_intercepted_and_says_why(
    live: LiveMesh,
) -> None:
    async with looking(live, "reviews", lease=0.3) as owner, asked(live) as task:
        flow = await owner.until("went on: its lease is over, after ")
        assert not flow["intercepted"]
        assert (await task).status == 200
    async with looking(live, "reviews") as owner:
        async with asked(live):
            held = await owner.until("held")
        flow = await owner.until("ended: its client has gone, after ")
        assert (flow["id"], flow["intercepted"]) == (held["id"], False)
        assert (await owner.change(f"/flows/{held['id']}/resume"))[:2] == (409, "it is not held\n")


async def test_a_step_from_another_shell_keeps_the_flow(live: LiveMesh) -> None:
    async with (
        looking(live, "reviews") as owner,
        desk_at(socket_of(live)) as shell,
        asked(live, b"five stars") as task,
    ):
        flow = await owner.until("at request headers")
        await shell.release(flow["id"], Release("step", Edit({"x-plan": "team"})))
        flow = await owner.until("at request body", flow["id"])
        assert ["x-plan", "team"] in flow["request"]["headers"]
        assert (flow["intercepted"], len(await owner.flows())) == (True, 1)
        await owner.change(f"/flows/{flow['id']}", "PUT", json={"request": {"content": "none"}})
        await owner.change(f"/flows/{flow['id']}/resume")
        assert told(await task)["body"]["text"] == "none"
        await owner.answered(flow["id"], 200)


async def test_a_sentence_that_is_none_is_refused_in_words(live: LiveMesh) -> None:
    with pytest.raises(DebugError, match="unknown service 'reviewz'"):
        async with looking(live, "reviewz"):
            pass


async def test_a_client_that_leaves_takes_no_other_hold_with_it(live: LiveMesh) -> None:
    async with looking(live, "details") as owner:
        stays = asyncio.ensure_future(live.get("/details/1", service="details"))
        (first,) = await owner.first(1)
        leaves = asyncio.ensure_future(live.get("/details/2", service="details"))
        await owner.first(2)
        leaves.cancel()
        await owner.until("its client has gone")
        await owner.change(f"/flows/{first['id']}", "PUT", json={"request": {"path": "/9"}})
        assert (await owner.change(f"/flows/{first['id']}/resume"))[:2] == (200, "")
        assert told(await stays)["path"] == "/9"


async def test_when_the_mesh_ends_the_page_stays_and_nothing_is_held(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text("mesh: {services: {web: {ingress: true}}}\n")
    async with AsyncExitStack() as page, AsyncExitStack() as ending:
        short = await ending.enter_async_context(mesh(file))
        made = {"sentence": "ingress"}
        served, _ = await page.enter_async_context(holding(socket_of(short), made))
        task = asyncio.ensure_future(short.get("/a"))
        await until(lambda: bool(served.standings))
        await ending.aclose()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: "the mesh has ended" in served.about())
        (standing,) = served.standings.values()
        assert standing.held is None


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not found():  # noqa: ASYNC110 # what it waits for is elsewhere
            await asyncio.sleep(0.02)


def keep(picture: bytes) -> None:
    """For a person to look at, where one asks for it."""
    if folder := os.environ.get("MESHLOOM_SCREENSHOTS"):
        Path(folder, "debug_web.png").write_bytes(picture)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
async def test_in_a_browser_a_header_and_a_body_are_edited_and_the_buttons_let_go(
    live: LiveMesh, tmp_path: Path
) -> None:
    assert CHROMIUM is not None
    async with (
        looking(live, "reviews when phase == request-body") as owner,
        opened(CHROMIUM, tmp_path, owner.page.url) as tab,
    ):
        await tab.wait("document.body.innerText.includes('connected')")
        async with asked(live, b"five stars") as task:
            await tab.wait("document.querySelector('tr.intercepted') !== null")
            await tab.click("/reviews/1")
            await edit_header(tab, "user-agent", "a person")
            await edit_body(tab, "five stars", "one star")
            keep(await tab.screenshot())
            shown = await tab.run("document.body.innerText")
            for offer in ("Replay", "Duplicate", "Revert", "Delete", "Mark", "Capture", "Options"):
                assert offer not in shown
            assert not task.done()
            await tab.click("Resume")
            got = told(await task)
        assert (headers_of(got)["user-agent"], got["body"]["text"]) == ("a person", "one star")
        await tab.wait("document.body.innerText.includes('continued after')")
        async with asked(live, b"five stars") as task:
            await tab.wait("document.querySelector('tr.intercepted') !== null")
            await tab.run("document.querySelector('tr.intercepted').click()")
            await tab.click("Abort")
            assert (await task).status == 503


async def edit_header(tab: Tab, name: str, value: str) -> None:
    find = (
        "[...document.querySelectorAll('.kv-row')].find(e => "
        f"e.innerText.startsWith({name!r})).querySelector('.kv-value')"
    )
    await tab.wait("document.querySelector('.kv-row') !== null")
    await tab.point(find)
    await tab.type(value)
    await tab.press("Enter")


async def edit_body(tab: Tab, before: str, after: str) -> None:
    await tab.click("Edit")
    await tab.wait(f"document.querySelector('.cm-content')?.innerText === {before!r}")
    await tab.point("document.querySelector('.cm-content')")
    await tab.type(after)
    # CodeMirror shows what is typed before it knows of it, and Done asks what it knows
    known = "document.querySelector('.cm-content').cmView.view.state.doc.toString()"
    await tab.wait(f"{known} === {after!r}")
    await tab.click("Done")
    await tab.wait(f"document.querySelector('.contentview pre')?.innerText === {after!r}")
