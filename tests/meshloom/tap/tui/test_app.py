"""The application under real keys, fed with real exchanges."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from mesh_traffic import Body, Headers, Request
from meshloom.tap.tui.app import PAUSE, TapApp
from meshloom.tap.tui.memory import Memory
from meshloom.tap.tui.session import Session
from meshloom.tap.tui.table import Headings, Table
from tap.live.client import TapError, watch
from tap.live.coverage import Coverage
from tap.live.hub import Hub
from tap.live.server import serve
from tests.meshloom.tap.tui.feed import Feed, exchange
from tests.tap.watched import ask


class Screen:
    """An application that is running, its feed, and what its screen says."""

    def __init__(self, app: TapApp, feed: Feed, pilot: Pilot[Any]) -> None:
        self.app, self.feed, self.pilot = app, feed, pilot

    def text(self) -> list[str]:
        """The lines of the screen, as a terminal gets them."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    def reversed(self) -> list[str]:
        """How the lines begin that stand out as the cursor's, of the screen on top."""
        strips = self.app.screen._compositor.render_strips()
        marked = [one.text for strip in strips for one in strip if one.style and one.style.reverse]
        return [text[:27] for text in marked if len(text) > 27]

    def said(self, selector: str) -> str:
        widget = self.app.query_one(selector, Static)
        return str(widget.visual) if widget.display else ""

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """At once, as from a clipboard."""
        self.app.query_one(Input).insert_text_at_cursor(text)
        await self.pilot.pause()

    async def until(self, true: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(10):
                while not true():
                    await self.pilot.pause(0.02)
        except TimeoutError:
            pytest.fail("\n".join(self.text()))

    async def has(self, *texts: str) -> None:
        await self.until(lambda: all(text in "\n".join(self.text()) for text in texts))


@asynccontextmanager
async def running(
    count: int = 0, size: tuple[int, int] = (120, 30), memory: Memory | None = None
) -> AsyncIterator[Screen]:
    feed = Feed(Coverage(4, 4), *map(exchange, range(count)))
    app = TapApp(feed.connect, Session(memory))
    async with app.run_test(size=size, notifications=True) as pilot:
        screen = Screen(app, feed, pilot)
        await screen.until(lambda: app.session.memory.next == count)
        await screen.has("watching 4 Envoys")
        yield screen


async def test_what_comes_is_followed_at_the_end_and_coverage_is_told() -> None:
    async with running(100) as screen:
        await screen.has("/details/97", "/reviews/99", "100 seen   100 shown   0 lost", "● live")
        assert "/reviews/0" not in "\n".join(screen.text())
        screen.feed.push(Coverage(3, 4, seen=150, lost=2, notes=("web-1: refused",)), exchange(100))
        await screen.has("/details/100", "watching 3 of 4 Envoys   150 seen   101 shown   2 lost")
        await screen.has("web-1: refused")


async def test_a_selected_request_holds_the_list_and_shows_all_of_it() -> None:
    async with running(40) as screen:
        await screen.press("up", "up")
        await screen.has("POST /reviews/39"[:4], "GET /ratings/38", "route", "ratings-route")
        before = screen.text()[1:8]
        screen.feed.push(*map(exchange, range(40, 60)))
        await screen.has("held, 20 new")
        assert screen.text()[1:8] == before
        await screen.press("escape", "escape")
        await screen.has("● live", "/reviews/57", "/ratings/59")
        assert "ratings-route" not in "\n".join(screen.text())


async def test_the_first_step_selects_what_came_last_before_it_is_on_the_screen() -> None:
    async with running(3) as screen:
        for number in range(3, 60):
            screen.app.session.receive(exchange(number))
        screen.app.table.action_move(-1)
        assert screen.app.session.selected is not None
        assert screen.app.session.selected.number == 59


async def test_space_holds_and_follows() -> None:
    async with running(3) as screen:
        await screen.press("space")
        screen.feed.push(exchange(3))
        await screen.has("held, 1 new", "Space follow")
        assert "/reviews/3" not in "\n".join(screen.text())
        await screen.press("space")
        await screen.has("● live", "/reviews/3", "Space hold")


async def test_a_filter_works_while_it_is_typed() -> None:
    async with running(60) as screen:
        await screen.press("slash")
        await screen.press(*"~c", "space", *"503")
        await screen.has("10 of 60", "/ratings/59")
        assert "/details/58" not in "\n".join(screen.text())
        screen.feed.push(exchange(60), exchange(65))
        await screen.has("11 of 62", "/ratings/65")
        await screen.press("enter")
        assert screen.app.table.has_focus
        await screen.press("slash", "escape")
        await screen.has("62   ● live")
        assert screen.app.query_one(Input).value == ""


async def test_a_wrong_filter_shows_its_place_and_keeps_the_last_good_one() -> None:
    async with running(60) as screen:
        await screen.press("slash")
        await screen.type("status == 503")
        await screen.has("10 of 60")
        await screen.type(" & duration > lots")
        await screen.has("'lots' is no duration")
        await screen.pilot.pause(2 * PAUSE)
        typed, marked = screen.text()[:2]
        assert marked.index("^") == typed.index("lots")
        await screen.has("10 of 60")
        await screen.press(*["backspace"] * 4)
        await screen.type("10ms")
        await screen.until(lambda: screen.said("#wrong") == "")


async def test_sorting_by_keys_and_by_clicks() -> None:
    async with running(30) as screen:
        await screen.press("s")
        await screen.has("took ▾")
        assert "/ratings/17" in screen.text()[2]  # it took longest
        await screen.press("r")
        await screen.has("took ▴")
        await screen.pilot.click(Headings, offset=(3, 0))
        await screen.has("time ▴")


async def test_the_tree_of_a_request_leads_to_its_hops() -> None:
    async with running(30) as screen:
        await screen.press("t")
        await screen.has("select a request first")
        await screen.press("up", "t")
        await screen.has("Request 3f0c-9", "productpage v1 → details v2", "id 001c")
        options = screen.app.screen.query_one(OptionList)
        assert (options.option_count, options.highlighted) == (3, 2)
        await screen.until(lambda: screen.reversed() == ["productpage v1 → ratings v2"])
        await screen.press("up", "enter")
        await screen.has("GET /details/28   404")
        assert screen.app.session.selected is not None
        assert screen.app.session.selected.number == 28


async def test_a_request_is_copied_as_curl() -> None:
    async with running(30) as screen:
        await screen.press("up", "c")
        await screen.has("copied as curl")
        assert "curl --silent" in screen.app.clipboard
        assert "/ratings/29" in screen.app.clipboard
        big = exchange(30, request=Request("POST", body=Body(b"x" * 80_000, size=80_000)))
        await screen.press("escape", "escape")
        screen.feed.push(big)
        await screen.has("31 seen")
        await screen.press("up", "c")
        await screen.has("longer than 75,000 bytes")


async def test_the_help_says_the_keys_and_the_filter_language() -> None:
    async with running() as screen:
        await screen.has("no requests yet")
        await screen.press("question_mark")
        await screen.has("Keys", "Filters", "~m POST & service == reviews", "request_id")
        await screen.press("escape")
        await screen.has("no requests yet")


async def test_what_is_read_stays_on_the_screen_while_older_ones_go() -> None:
    async with running(40, memory=Memory(most=40)) as screen:
        await screen.press("up")
        await screen.has("POST /reviews/39")
        place = next(at for at, line in enumerate(screen.text()) if "/details/37" in line)
        screen.feed.push(*map(exchange, range(40, 55)))
        await screen.has("held, 15 new", "15 too old to keep")
        assert "/details/37" in screen.text()[place]


async def test_hostile_captures_reach_the_terminal_as_text_only() -> None:
    evil = "\x1b[2J\x1b]0;pwned\x07[bold red]no markup[/]\u202e"
    request = Request(
        "GET", f"/{evil}", evil, headers=Headers.of([(evil, evil)]), body=Body(evil.encode())
    )
    async with running(0, size=(160, 50)) as screen:
        hostile = exchange(
            0, request=request, route=evil, flags=(evil,), request_id=evil, details=evil
        )
        screen.feed.push(hostile, Coverage(0, 1, notes=(f"web: {evil}",)))
        await screen.has(r"/\x1b[2J\x1b]0;pwned\x07[bold r…")
        await screen.press("up")
        await screen.has(r"details     \x1b[2J\x1b]0;pwned\x07[bold red]no markup[/]\u202e")
        await screen.press("t")
        await screen.has(r"Request \x1b[2J")
        assert all(line.isprintable() for line in screen.text())


async def test_the_end_of_the_mesh_leaves_what_was_seen() -> None:
    async with running(3) as screen:
        screen.feed.end()
        await screen.has("the mesh has ended; what it showed is still here", "/reviews/0")
    async with running(3) as screen:
        screen.feed.push(TapError("the hub sent what is no event"))
        await screen.has("the hub sent what is no event", "/reviews/0")


async def test_where_nothing_can_be_watched_the_application_ends_with_the_reason() -> None:
    feed = Feed()
    feed.push(TapError("unknown service 'revews'"))
    app = TapApp(feed.connect, Session())
    async with app.run_test(), asyncio.timeout(5):
        while app.return_value is None:  # noqa: ASYNC110 - it ends by itself
            await asyncio.sleep(0.01)
    assert (str(app.return_value), app.return_code) == ("unknown service 'revews'", 2)


@pytest.mark.parametrize("size", [(40, 10), (72, 20), (200, 50)])
async def test_it_fits_every_terminal(size: tuple[int, int]) -> None:
    async with running(50, size=size) as screen:
        await screen.press("up")
        await screen.until(lambda: len(screen.text()) == size[1])
        assert all(len(line) <= size[0] for line in screen.text())


async def test_without_colour_nothing_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(30) as screen:
        await screen.press("up")
        assert screen.app.native_ansi_color
        assert [type(one).__name__ for one in screen.app._filters if one.enabled] == ["NoColor"]


async def test_colours_are_the_terminals_own() -> None:
    async with running(30) as screen:
        strips = screen.app.screen._compositor.render_strips()
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        colors = [c for style in styles for c in (style.color, style.bgcolor) if c is not None]
        assert colors
        assert all(color.is_system_defined or color.is_default for color in colors)


async def test_it_keeps_up_with_a_burst_and_keys_still_work() -> None:
    async with running(0, memory=Memory(most=2_000)) as screen:
        screen.feed.push(*map(exchange, range(5_000)))
        await screen.press("slash")
        await screen.type("status == 503")
        await screen.has("333 of 2,000", "3,000 too old to keep")
        assert len(screen.app.query_one(Table).columns) > 5


async def test_a_real_hub_feeds_it(envoy: Any, tmp_path: Path) -> None:
    hub, path = Hub([envoy.target], envoy.topology), tmp_path / "t.sock"
    async with serve(hub, path):
        app = TapApp(lambda: watch(path, bodies=True), Session())
        async with app.run_test(size=(120, 40)) as pilot:
            screen = Screen(app, Feed(), pilot)
            await screen.has("watching 1 Envoy ")
            assert await ask(envoy.outbound, "/tui", "POST", data="a teapot") == 200
            await screen.has("productpage → reviews v2", "/tui", "1 seen   1 shown   0 lost")
            await screen.press("up", "enter")
            await screen.has("POST /tui   200", "a teapot")


def test_the_command_line_does_not_import_it() -> None:
    assert not any(name.startswith("textual") for name in _imported("meshloom.__main__"))


def _imported(module: str) -> list[str]:
    import subprocess

    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()
