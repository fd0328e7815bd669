"""The page's addresses for what is held: who may, what comes of it, and that they may be absent."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from mitmproxy.tools.web import app

from mesh_traffic import Body, Exchange, replace
from tap.flows.web.holds import Refused, Standing
from tap.flows.web.page import MAX_EDIT, MAX_REQUEST
from tests.tap.exchanges import SAMPLE, sample
from tests.tap.flows.web.asking import Asker, entered

HELD = Standing("held 9f3e", "request")
WAITING = sample(response=None, flags=())
ADDRESS = "/flows/9f3e"


class Letting:
    """A holder that lets go whatever it is not told to refuse."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.resumed: list[Exchange] = []
        self.killed: list[str] = []
        self.may = asyncio.Event()
        self.may.set()

    async def resume(self, flow_id: str, changed: Exchange) -> None:
        await self.may.wait()
        if self.refuses == flow_id:
            raise Refused("no 100 % \udcff way")
        self.resumed.append(changed)

    async def kill(self, flow_id: str) -> None:
        if self.refuses == flow_id:
            raise Refused("it can't be")
        self.killed.append(flow_id)


@asynccontextmanager
async def holding(holder: Letting) -> AsyncIterator[Asker]:
    async with entered(holder=holder) as owner:
        owner.page.hold(WAITING, HELD)
        yield owner


async def flows(owner: Asker) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((await owner.ask("/flows"))[1])
    return found


CONTROLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "edit": ("PUT", ADDRESS, {"json": {"request": {"path": "/2"}}}),
    "a file": ("POST", f"{ADDRESS}/request/content.data", {"data": b"mine"}),
    "resume": ("POST", f"{ADDRESS}/resume", {}),
    "kill": ("POST", f"{ADDRESS}/kill", {}),
    "resume all": ("POST", "/flows/resume", {}),
}


@pytest.mark.parametrize("control", CONTROLS)
async def test_without_a_holder_they_are_not_there(control: str) -> None:
    method, path, more = CONTROLS[control]
    async with entered() as owner:
        owner.page.hold(WAITING, HELD)
        status, text, _ = await owner.change(path, method, **more)
        assert (status, text[:9]) == (403, "refused: ")
        assert (await owner.ask("/holds.css"))[0] == 403
        assert "read-only.js" in (await owner.ask("/"))[1]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("lacks", ["token", "xsrf", "host", "origin", "site"])
async def test_who_lacks_something_can_not(control: str, lacks: str) -> None:
    method, path, more = CONTROLS[control]
    headers = {
        "host": {"Host": "evil.example"},
        "origin": {"Origin": "http://127.0.0.1:1"},
        "site": {"Sec-Fetch-Site": "cross-site"},
    }
    holder = Letting()
    async with holding(holder) as owner:
        before = await flows(owner)
        given = {} if lacks == "xsrf" else await owner.guard()
        if lacks == "token":
            owner.session.cookie_jar.clear(lambda cookie: cookie.key.startswith("meshloom"))
        status, _, _ = await owner.ask(path, method, headers=given | headers.get(lacks, {}), **more)
        assert status == 403
        await owner.enter()
        assert await flows(owner) == before
    assert (holder.resumed, holder.killed) == ([], [])


async def test_an_edit_is_shown_at_once_and_goes_with_the_resume() -> None:
    holder = Letting()
    async with holding(holder) as owner, owner.session.ws_connect(owner.base + "/updates") as feed:
        for control in ("edit", "a file"):
            method, path, more = CONTROLS[control]
            assert (await owner.change(path, method, **more))[:2] == (200, "")
            told = await feed.receive_json()
            assert (told["type"], told["payload"]["flow"]["id"]) == ("flows/update", "9f3e")
        (flow,) = await flows(owner)
        assert (flow["intercepted"], flow["request"]["path"]) == (True, "/2")
        assert flow["comment"].startswith("held 9f3e; productpage v1 → reviews v2")
        assert "error" not in flow
        assert not flow["marked"]
        assert holder.resumed == []
        assert (await owner.change(f"{ADDRESS}/resume"))[:2] == (200, "")
        (sent,) = holder.resumed
        assert (sent.request.path, sent.request.body) == ("/2", Body(b"mine", size=4))
        owner.page.hold(replace(sent, response=SAMPLE.response), Standing("continued"))
        told = (await owner.change(f"{ADDRESS}/resume"))[:2]
        assert told == (409, "it is not held\n")


async def test_a_form_with_a_file_is_the_file() -> None:
    form = aiohttp.FormData()
    form.add_field("file", b"\0\xff\r\n--x", filename="blob", content_type="plain/text")
    async with holding(Letting()) as owner:
        path = f"{ADDRESS}/request/content.data"
        assert (await owner.change(path, data=form))[0] == 200
        async with owner.session.get(owner.base + path) as answer:
            assert await answer.read() == b"\0\xff\r\n--x"
        other = f"{ADDRESS}/response/content.data"
        told = (await owner.change(other, data=b"x"))[:2]
        assert told == (409, "the response has not come yet: the request is held\n")


async def test_what_is_refused_is_said_in_the_comment_and_at_the_foot() -> None:
    async with holding(Letting(refuses="9f3e")) as owner:
        status, text, _ = await owner.change(f"{ADDRESS}/resume")
        assert (status, text) == (409, "no 100 % ? way\n")
        (flow,) = await flows(owner)
        assert flow["intercepted"]
        assert flow["comment"].startswith("refused: no 100 % \ufffd way; held 9f3e; ")
        assert "9f3e: no 100 %" in owner.page.about()
        assert (await owner.change(f"{ADDRESS}/kill"))[0] == 409
        assert (await flows(owner))[0]["comment"].startswith("refused: it can't be; held")
        assert (await owner.change("/flows/resume"))[:2] == (409, "9f3e: no 100 % ? way\n")


async def test_what_a_browser_shows_of_a_refused_edit_it_forgets() -> None:
    async with (
        holding(Letting()) as owner,
        owner.session.ws_connect(owner.base + "/updates") as feed,
    ):
        wrong = {"request": {"http_version": "HTTP/3"}}
        assert (await owner.change(ADDRESS, "PUT", json=wrong))[0] == 409
        kinds = [(await feed.receive_json())["type"] for _ in range(4)]
        assert kinds == ["flows/update", "state/update", "flows/remove", "flows/add"]


async def test_all_that_wait_are_resumed_but_those_that_are_refused() -> None:
    holder = Letting(refuses="a")
    async with holding(holder) as owner:
        for flow_id in ("a", "b"):
            owner.page.hold(replace(WAITING, id=flow_id), HELD)
        owner.page.hold(replace(WAITING, id="c"), Standing("continued"))
        assert (await owner.change("/flows/resume"))[0] == 409
        assert [one.id for one in holder.resumed] == ["9f3e", "b"]


async def test_while_it_is_let_go_nothing_changes_it() -> None:
    holder = Letting()
    holder.may.clear()
    async with holding(holder) as owner:
        first = asyncio.ensure_future(owner.change(f"{ADDRESS}/resume"))
        async with asyncio.timeout(5):
            while not owner.page.leaving:  # noqa: ASYNC110 # it is elsewhere
                await asyncio.sleep(0.01)
        for control in ("edit", "resume", "kill"):
            method, path, more = CONTROLS[control]
            told = (await owner.change(path, method, **more))[:2]
            assert told == (409, "it is being let go\n")
        holder.may.set()
        assert (await first)[0] == 200
    assert len(holder.resumed) == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"[" * 50_000, "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"\xff", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"{}"}, 400),
        ({"json": []}, 409),
        ({"json": {"request": {"content": 7}}}, 409),
        ({"json": {"response": {"code": 10**400}}}, 409),
        ({"json": {"request": {"path": "\ud800"}}}, 409),
        ({"json": {"request": {"path": "/\udcff"}}}, 200),
        ({"json": {"request": {"headers": [["host", "a\r\nb: c\0"]]}}}, 200),
    ],
)
async def test_nonsense_changes_nothing_or_can_be_shown(more: dict[str, Any], status: int) -> None:
    async with holding(Letting()) as owner:
        assert (await owner.change(ADDRESS, "PUT", **more))[0] == status
        assert (await owner.ask("/flows"))[0] == 200
        assert (await owner.ask("/flows/dump"))[0] == 200
        assert (await owner.change("/flows/beef", "PUT", json={}))[0] == 404


async def test_a_body_may_be_large_where_bodies_come_and_of_who_has_the_token() -> None:
    path = f"{ADDRESS}/request/content.data"
    async with holding(Letting()) as owner:
        assert (await owner.change(path, data=BytesIO(b"x" * (MAX_REQUEST + 1))))[0] == 200
        assert not await hangs_up(owner, path, MAX_EDIT)
        assert await hangs_up(owner, path, MAX_EDIT + 1)
        for address in (f"{ADDRESS}/resume", "/flows/resume", "/"):
            assert await hangs_up(owner, address, MAX_REQUEST + 1)
        owner.session.cookie_jar.clear()
        assert await hangs_up(owner, path, MAX_REQUEST + 1)
    async with entered() as owner:
        assert await hangs_up(owner, path, MAX_REQUEST + 1)


async def hangs_up(owner: Asker, path: str, length: int) -> bool:
    """Whether the page does when it hears how long the body is that is to come."""
    url = aiohttp.client.URL(owner.base)
    cookies = owner.session.cookie_jar.filter_cookies(url).output(header="", sep=";")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    told = f"POST {path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nCookie: {cookies}\r\n"
    writer.write(f"{told}Content-Length: {length}\r\n\r\n".encode())
    try:
        async with asyncio.timeout(0.5):
            await reader.read()
    except TimeoutError:
        return False
    finally:
        writer.close()
    return True


async def test_of_all_that_mitmweb_has_only_the_controls_are_reached() -> None:
    named = {"flow_id": "9f3e", "message": "request", "content_view": "auto", "cmd": "replay"}
    allowed = {(method, path) for method, path, _ in CONTROLS.values()}
    allowed |= {("POST", "/"), ("POST", "/commands/export")}
    async with holding(Letting()) as owner:
        for pattern, _ in app.handlers:
            path = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: named[found[1]], pattern)
            path = path.replace(r"(?:\.json)?", "")
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                status, text, _ = await owner.ask(path, method)
                if (method, path) not in allowed:
                    assert status == 403
                    assert "edited, resumed and killed while they are held" in text
