"""``meshloom debug break``: hold the requests that a sentence means, and be asked what to do."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from meshloom.arguments import Json, MeshName
from meshloom.debug import options

if TYPE_CHECKING:
    from debugger.console.console import Console, Said
    from debugger.desk.client import Desk


def break_(
    sentence: Annotated[
        str,
        typer.Argument(
            metavar="SENTENCE",
            help="[on] SERVICE [when CONDITION]: 'reviews when header end-user == jason'.",
        ),
    ],
    once: Annotated[bool, typer.Option("--once", help="Hold one, and be done.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Hold so many, and be done.")
    ] = None,
    skip: Annotated[int, typer.Option("--skip", min=0, help="Let so many go by first.")] = 0,
    lease: Annotated[
        str, typer.Option("--lease", metavar="TIME", help="Hold each one so long at most.")
    ] = "10m",
    on_end: Annotated[
        Literal["open", "closed"],
        typer.Option("--on-end", help="A request that nobody released: goes on, or gets 503."),
    ] = "open",
    web: Annotated[
        bool, typer.Option("--web", help="Show and release them in mitmproxy's web interface.")
    ] = False,
    as_json: Json = False,
    mesh: MeshName = None,
) -> None:
    """Hold live requests: look at them, change them, let them go, step, or answer them.

    What is typed is a command: help lists them. Ends at quit, Ctrl-D or Ctrl-C; what is held then
    goes its way. With --json, events are lines of JSON, and commands are read all the same.
    """
    from mesh_yaml.values import parse_duration

    if once and limit is not None:
        raise typer.BadParameter("--once is --limit 1", param_hint="--limit")
    try:
        seconds = parse_duration(lease).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lease") from error
    asked = {
        "sentence": sentence,
        "limit": 1 if once else limit,
        "skip": skip,
        "lease": seconds,
        "on_end": on_end,
    }
    socket = options.desk_socket(mesh)
    if web:
        from meshloom.debug.browser import hold_in_browser

        options.run(hold_in_browser(socket, asked))
    else:
        options.run(_hold(socket, asked, as_json))


async def _hold(socket: Path, asked: Mapping[str, object], as_json: bool) -> None:
    import time

    from debugger.console.console import Console
    from debugger.desk.client import desk_at

    async with desk_at(socket) as desk:
        answer = await desk.ask("break", **asked)
        if as_json:
            _print_json({"event": "breakpoint", **answer["breakpoint"], "nodes": answer["nodes"]})
        else:
            typer.echo(waiting(answer))
        talk = Talk(desk, Console(time.time), as_json)
        await talk.run()


def waiting(answer: dict[str, object]) -> str:
    """``waiting at reviews (2 Envoys), fail-open, lease 10 min``"""
    made, nodes = answer["breakpoint"], answer["nodes"]
    assert isinstance(made, dict)
    assert isinstance(nodes, list)
    envoys = f"{len(nodes)} Envoy{'s' if len(nodes) != 1 else ''}"
    lease = made["lease"] / 60
    return (
        f"waiting at {made['at']} ({envoys}), {made['phase']}, fail-{made['on_end']}, "
        f"lease {lease:g} min"
    )


class Talk:
    """A person at a terminal, or a script, and the desk."""

    def __init__(self, desk: Desk, console: Console, as_json: bool) -> None:
        self._desk = desk
        self._console = console
        self._as_json = as_json
        self._steps = 0  # requests that are on their way to their next phase

    async def run(self) -> None:
        """Until it is said to end, or the mesh ends, or there is nothing more to be held."""
        ends = [
            asyncio.ensure_future(self._events()),
            asyncio.ensure_future(self._commands()),
            asyncio.ensure_future(_interrupted()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
            results = await asyncio.gather(*ends, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _events(self) -> None:
        from debugger.desk import wire
        from debugger.gate.hold import Held, Missed

        done = False
        while (event := await self._desk.event()) is not None:
            lines = self._console.heard(event)
            if self._as_json and isinstance(event, str):
                _print_json({"event": "done", "breakpoint": event})
            elif self._as_json and not isinstance(event, str):
                _print_json(wire.event_to_json(event))
            else:
                self._show(lines)
            done |= isinstance(event, str)
            if isinstance(event, Held | Missed) and self._steps:
                self._steps -= 1
            if done and not self._console.holds and not self._steps:
                return
        typer.echo("the mesh has ended", err=True)

    async def _commands(self) -> None:
        from debugger.console.console import Misuse
        from debugger.desk.client import DebugError

        async for line in self._lines():
            try:
                said = self._console.run(line)
                self._show(said.lines)
                if said.quits:
                    return
                await self._carry_out(said)
            except (Misuse, DebugError) as error:
                self._complain(str(error))

    async def _carry_out(self, said: Said) -> None:
        from debugger.desk.client import DebugError

        if said.release is not None:
            self._steps += said.release.verb == "step"
            try:
                await self._desk.release(said.hold, said.release)
            except DebugError:
                self._steps -= said.release.verb == "step"
                raise

    def _show(self, lines: list[str] | tuple[str, ...]) -> None:
        for line in () if self._as_json else lines:
            typer.echo(line)

    def _complain(self, message: str) -> None:
        if self._as_json:
            _print_json({"event": "error", "message": message})
        else:
            typer.echo(f"  {message}", err=True)

    def _lines(self) -> AsyncIterator[str]:
        if sys.stdin.isatty() and not self._as_json:
            from meshloom.debug.prompt import prompted

            return prompted(self._console)
        return _typed()


async def _typed() -> AsyncIterator[str]:
    """The lines of standard input; when it is at its end, others may still release what is held."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    with suppress(ValueError):  # no pipe and no terminal: /dev/null, a file
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            yield line.decode(errors="replace")
        await asyncio.Event().wait()
    for text in await asyncio.to_thread(sys.stdin.readlines):
        yield text
    await asyncio.Event().wait()


async def _interrupted() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _print_json(told: dict[str, object]) -> None:
    typer.echo(json.dumps(told))
