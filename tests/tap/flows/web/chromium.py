"""A real browser, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root there is none
    "--disable-gpu",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--window-size=1500,700",
)


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


class Tab:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)

    async def call(self, method: str, **parameters: Any) -> Any:
        call = next(self._ids)
        await self._socket.send_json({"id": call, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == call:
                return answer["result"]

    async def run(self, script: str) -> Any:
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"].get("value")

    async def wait(self, script: str) -> Any:
        """Until the script gives something that is true."""
        async with asyncio.timeout(20):
            while not (found := await self.run(script)):  # noqa: ASYNC110 # it is elsewhere
                await asyncio.sleep(0.05)
            return found

    async def click(self, text: str) -> None:
        """The first link, button or row that has the text."""
        find = (
            "[...document.querySelectorAll('a, button, tbody tr')].find(e => e.innerText.includes"
        )
        await self.wait(f"{find}({text!r}))?.click() ?? {find}({text!r})) !== undefined")

    async def point(self, element: str) -> None:
        """Press the mouse's button at what the script finds, until it can be typed there."""
        place = f"(e => [e.x + 4, e.y + 4])(({element}).getBoundingClientRect())"
        async with asyncio.timeout(20):
            there = f"(e => e.isContentEditable && e === document.activeElement)({element})"
            while not await self.run(there):
                x, y = await self.run(place)  # it moves while the page is drawn
                for kind in ("mousePressed", "mouseReleased"):
                    more = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
                    await self.call("Input.dispatchMouseEvent", **more)
                await asyncio.sleep(0.1)

    async def type(self, text: str) -> None:
        """In the place of what is in the field that has the focus."""
        await self.press("a", code="KeyA", modifiers=2, commands=["selectAll"])
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, **more: Any) -> None:
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", **{"type": kind, "key": key, "code": key, **more}
            )

    async def screenshot(self) -> bytes:
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def opened(binary: str, profile: Path, url: str) -> AsyncIterator[Tab]:
    process = await asyncio.create_subprocess_exec(
        binary,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            host = await _devtools(process)
            async with session.get(f"http://{host}/json") as answer:
                tabs = await answer.json()
        page = next(tab for tab in tabs if tab["type"] == "page")
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket,
        ):
            tab = Tab(socket)
            await tab.call("Emulation.setFocusEmulationEnabled", enabled=True)
            await tab.call("Page.navigate", url=url)
            yield tab
    finally:
        process.terminate()
        await process.communicate()


async def _devtools(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if line.startswith(b"DevTools listening on ws://"):
            return line.decode().split("/")[2]
    raise AssertionError("Chromium ended at once")
