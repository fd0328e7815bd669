"""``meshloom tap top``: the routes of the mesh by rate, errors and latency, as they change."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.tap import options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import RenderableType

    from tap.live.coverage import Coverage
    from tap.top import Row, Top

WIDTH = 200  # columns where there is no terminal that says how many it has

_Every = Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two pictures.")]
_Count = Annotated[int, typer.Option("-n", min=0, help="End after so many pictures; 0: never.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object for each picture.")]


def top(
    service: options.Service = "",
    match: options.Matching = "",
    every: _Every = 1.0,
    count: _Count = 0,
    as_json: _Json = False,
    mesh: options.MeshName = None,
) -> None:
    """Show requests per second, failures, and latencies of every route, the busiest first.

    Of the last ten seconds. Until Ctrl-C; the Envoys' access logs are enough for it.
    """
    from meshloom.state import find_mesh

    options.read_expression(match)
    screen = _Screen(as_json, every, count)
    with suppress(KeyboardInterrupt):
        options.run(_top(options.served(find_mesh(mesh)), service, match, screen))


async def _top(socket: Path, service: str, match: str, screen: _Screen) -> None:
    from tap.live.client import watch
    from tap.live.coverage import Coverage
    from tap.top import Top

    table = Top(time.monotonic())
    async with watch(socket, service=service, match=match, summary=True) as watching:
        drawing = asyncio.ensure_future(screen.draw(table, watching.finish))
        try:
            async for event in watching:
                if isinstance(event, Coverage):
                    screen.coverage = event
                else:
                    table.add(event, time.monotonic())
        finally:
            drawing.cancel()
            with suppress(asyncio.CancelledError):
                await drawing


class _Screen:
    """Where pictures go: one place of a terminal, or one after the other."""

    def __init__(self, as_json: bool, every: float, count: int) -> None:
        self.coverage: Coverage | None = None
        self._as_json = as_json
        self._every = every
        self._count = count

    async def draw(self, top: Top, finish: Callable[[], None]) -> None:
        """A picture every so often, until it is cancelled; the last one asks for the end."""
        from rich.console import Console
        from rich.live import Live

        live = sys.stdout.isatty() and not self._as_json
        console = Console(width=None if live else WIDTH)
        with Live(console=console, auto_refresh=False) if live else nullcontext() as shown:
            drawn = 0
            while not self._count or drawn < self._count:
                await asyncio.sleep(self._every)
                rows = top.rows(time.monotonic())
                if self._as_json:
                    typer.echo(json.dumps(_to_json(rows, self.coverage)))
                elif isinstance(shown, Live):
                    shown.update(_picture(rows, self.coverage, console.height), refresh=True)
                else:
                    console.print(_picture(rows, self.coverage))
                drawn += 1
        finish()


def _picture(
    rows: list[Row], coverage: Coverage | None, height: int | None = None
) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from tap.lines import coverage_line, printable
    from tap.top import HEADINGS, lines

    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if 2 <= at < 7 else "left", no_wrap=True)
    room = len(rows) if height is None else max(1, height - 3)
    for row, cells in zip(rows[:room], lines(rows[:room]), strict=True):
        style = "red" if row.failed >= 0.05 else "yellow" if row.failed else ""
        table.add_row(*(Text(printable(cell), style=style) for cell in cells))
    told = coverage_line(coverage) if coverage else "waiting for the mesh"
    more = f"   {len(rows) - room} more routes" if len(rows) > room else ""
    return Group(table, Text(told + more, style="dim"))


def _to_json(rows: list[Row], coverage: Coverage | None) -> dict[str, object]:
    from dataclasses import asdict

    from tap.live.wire import coverage_to_json

    return {
        "routes": [asdict(row) for row in rows],
        "coverage": None if coverage is None else coverage_to_json(coverage),
    }
