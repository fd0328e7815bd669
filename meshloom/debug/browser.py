"""``meshloom debug break --web``: what is held, in mitmproxy's web interface."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from meshloom.debug import options
from meshloom.debug.break_ import waiting
from meshloom.state import TAP_SOCKET

if TYPE_CHECKING:
    from debugger.browser.holder import DeskHolder
    from tap.flows.web.page import Page

MAX_FLOWS = 4_000  # on the page; an Envoy's gate holds half as many
MAX_BYTES = 256 * 1024 * 1024  # of their bodies and headers, as the gate


async def hold_in_browser(socket: Path, asked: Mapping[str, object]) -> None:
    """Serve the page until Ctrl-C; when the mesh ends, what it has can still be looked at.

    A page that can't be served is bad input. Raises DebugError if the desk refuses.
    """
    from tap.flows.web import WebError

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        async with holding(socket, asked) as (page, says):
            typer.echo(page.url)
            typer.echo(says)
            await stopped.wait()
    except WebError as error:
        options.bad_input(error, error)


@asynccontextmanager
async def holding(socket: Path, asked: Mapping[str, object]) -> AsyncIterator[tuple[Page, str]]:
    """The page of a breakpoint at the desk of ``socket``, and the words that say where it waits.

    Raises WebError where no page can be served, and DebugError if the desk refuses.
    """
    from importlib.metadata import version

    from debugger.desk.client import desk_at
    from tap.flows.web import check, serving
    from tap.live.background import background

    check(version("mitmproxy"))  # before what follows imports what older ones have not got
    from debugger.browser.holder import DeskHolder

    async with desk_at(socket) as desk:
        holder = DeskHolder(desk)
        async with (
            serving(holder=holder, max_flows=MAX_FLOWS, max_bytes=MAX_BYTES) as page,
            background() as spawn,
        ):
            spawn(_complete(holder, page, socket.with_name(TAP_SOCKET)), "responses")
            answer = await desk.ask("break", **asked)
            spawn(holder.follow(page, waiting(answer)), "holds")
            yield page, waiting(answer)


async def _complete(holder: DeskHolder, page: Page, socket: Path) -> None:
    """The rest of what was held, as far as a tap of the mesh tells."""
    from tap.live.client import TapError, watch

    try:
        async with watch(socket, bodies=True) as watching:
            await holder.complete(page, watching)
    except TapError as error:
        page.say(f"no responses are shown: {error}")
