"""The screen under real keys, over a real run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import Input

from meshloom.debug.stepping.app import StepApp
from tests.debugger.stepping.runs import LINES, session

HEADERS = {"x-loud": "1", "x-broken": "1"}


class Screen:
    def __init__(self, app: StepApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def step(self) -> int:
        return self.app.session.cursor.stop.number

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def command(self, text: str) -> None:
        await self.press("colon")
        self.app.query_one(Input).insert_text_at_cursor(text)
        await self.press("enter")


@asynccontextmanager
async def running(width: int = 100, height: int = 40) -> AsyncIterator[Screen]:
    app = StepApp(session(LINES, HEADERS), ["something to know"])
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        yield Screen(app, pilot)


async def test_it_shows_the_steps_and_all_about_the_one_it_is_at() -> None:
    async with running() as screen:
        await screen.press("down", "down", "down")
        assert screen.step == 4
        told = "\n".join(screen.lines)
        assert "proxy_add_header_map_value(request_headers, 'x-greeted', 'yes')" in told
        assert " at filter::mark   /src/filter.rs:48" in screen.lines
        assert "   + request_headers: x-greeted 'yes'" in screen.lines
        assert "something to know" in told


async def test_keys_go_both_ways_and_to_the_ends() -> None:
    async with running() as screen:
        await screen.press("G")
        assert screen.step == 6
        await screen.press("up", "b")
        assert screen.step == 4
        await screen.press("f")
        assert screen.step == 6
        await screen.press("g")
        assert screen.step == 1


async def test_a_breakpoint_is_marked_and_stops() -> None:
    async with running() as screen:
        await screen.command("break hostcall proxy_log")
        assert any(line.startswith("●") and "proxy_log" in line for line in screen.lines)
        await screen.press("c")
        assert screen.step == 3
        await screen.press("G", "r")
        assert screen.step == 3


async def test_a_command_answers_below_and_escape_closes_it() -> None:
    async with running() as screen:
        await screen.command("memory 0 16")
        assert any(line.startswith(" 00000000  ") for line in screen.lines)
        await screen.command("nonsense")
        assert any("unknown command 'nonsense'" in line for line in screen.lines)
        await screen.press("escape")
        assert not any("unknown command" in line for line in screen.lines)


async def test_a_click_goes_to_a_step() -> None:
    async with running() as screen:
        await screen.pilot.click("Steps", offset=(10, 4))
        assert screen.step == 5


async def test_a_command_that_moves_shows_the_step() -> None:
    async with running(width=160) as screen:
        await screen.command("until trap")
        assert screen.step == 6
        assert any("<== stopped: trapped" in line for line in screen.lines)


async def test_it_quits() -> None:
    async with running() as screen:
        await screen.command("quit")
        assert not screen.app.is_running
