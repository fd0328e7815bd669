"""``meshloom tap --web``: what crosses the mesh, in mitmproxy's web interface."""

from __future__ import annotations

import asyncio
import signal
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from meshloom.tap import options

if TYPE_CHECKING:
    from tap.content import Schema
    from tap.flows.web.page import Page


async def browse(
    socket: Path, service: str, match: str, schema: Schema | None, open_it: bool
) -> None:
    """Serve the page until Ctrl-C; when the mesh ends, what it has can still be looked at.

    A page that can't be served is bad input. Raises TapError if the hub refuses.
    """
    from tap.flows.web import WebError, serving

    try:
        async with serving(schema=schema) as page:
            await _show(page, socket, service, match, open_it)
    except WebError as error:
        options.bad_input(error, error)


async def _show(page: Page, socket: Path, service: str, match: str, open_it: bool) -> None:
    from tap.live.client import watch

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with watch(socket, service=service, match=match, bodies=True) as watching:
        typer.echo(page.url)
        if open_it:
            webbrowser.open(page.url)
        following = asyncio.ensure_future(page.follow(watching))
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({following, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            await following  # the hub's refusal, if that was the end
            typer.echo("the mesh has ended", err=True)
            await waiting
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
