"""``meshloom tap``: a line for each request that crosses the running mesh."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.tap import options
from meshloom.tap.telling import Telling

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_traffic import Exchange
    from tap.content import Schema
    from tap.live.coverage import Coverage


def tap_command(
    context: typer.Context,
    service: options.Service = "",
    match: options.Matching = "",
    as_json: options.Json = False,
    count: Annotated[
        int, typer.Option("-n", min=0, help="End after so many exchanges; 0: only at Ctrl-C.")
    ] = 0,
    mesh: Annotated[
        str | None,
        typer.Option(
            "--mesh", envvar="MESHLOOM_MESH", help="Which running mesh, if there are several."
        ),
    ] = None,
    body: options.Body = False,
    decode: options.Decode = False,
    proto: options.Protos = None,
    reflect: options.Reflect = None,
    tui: Annotated[
        bool, typer.Option("--tui", help="In the terminal: list, details, filter as you type.")
    ] = False,
    web: Annotated[
        bool, typer.Option("--web", help="In a browser: mitmproxy's web interface.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="With --web: open the browser.")] = False,
) -> None:
    """Watch the requests that cross the running mesh, or ask for those of before.

    Ends at Ctrl-C with what was covered. Exits 2 when the filter is wrong or no mesh runs.
    """
    if context.invoked_subcommand is not None:
        if any(context.params.values()):
            raise typer.BadParameter(f"options go behind '{context.invoked_subcommand}'")
        return
    from meshloom.state import find_mesh

    if (tui or web) and (as_json or count or (tui and web)):
        raise typer.BadParameter("--tui, --web, and --json or -n are views of their own")
    found = find_mesh(mesh)
    options.read_expression(match)
    schema = options.schema_of(proto, reflect)
    notes = list(unseen(found.state))
    socket = options.served(found)
    if tui:
        _in_the_terminal(socket, service, match, schema, notes)
        return
    for note in notes:
        typer.echo(note, err=True)
    if web:
        from meshloom.tap.browser import browse

        options.run(browse(socket, service, match, schema, open_))
    else:
        printer = Printer(Telling(as_json, body, decode, schema))
        options.run(_tap(socket, service, match, count, printer))


def _in_the_terminal(
    socket: Path, service: str, match: str, schema: Schema | None, notes: list[str]
) -> None:
    from meshloom.tap.tui.app import show
    from tap.live.client import watch

    asked = [f"--service {service}"] if service else []
    asked += [f"--match {match!r}"] if match else []
    notes += [f"only {' '.join(asked)}"] if asked else []
    with options.watching_a_hub():
        show(lambda: watch(socket, service=service, match=match, bodies=True), notes, schema)


async def _tap(socket: Path, service: str, match: str, count: int, printer: Printer) -> None:
    import signal

    from tap.live.client import watch
    from tap.live.coverage import Coverage

    loop = asyncio.get_running_loop()
    async with watch(
        socket, service=service, match=match, bodies=printer.bodies, summary=printer.summary
    ) as watching:

        def stop() -> None:  # a second Ctrl-C ends it at once
            printer.stopped = loop.remove_signal_handler(signal.SIGINT)
            watching.finish()

        loop.add_signal_handler(signal.SIGINT, stop)
        async for event in watching:
            if isinstance(event, Coverage):
                printer.cover(event)
            elif not count or printer.shown < count:
                printer.show(event)
                if printer.shown == count:
                    stop()
    printer.end()


def unseen(state: dict[str, Any]) -> Iterator[str]:
    """What a running mesh's tap does not see: requests that pass no Envoy."""
    without = [name for name, it in state.get("services", {}).items() if it["dataplane"] == "grpc"]
    if without:
        yield f"not seen: requests between services without an Envoy ({', '.join(without)})"


class Printer:
    """Where events go: exchanges to standard output, news of the Envoys to standard error."""

    def __init__(self, telling: Telling) -> None:
        self.shown = 0
        self.stopped = False
        self.bodies = telling.body or telling.decode
        # a line has nothing that only a tap tells
        self.summary = not (telling.as_json or self.bodies)
        self._telling = telling
        self._last: Coverage | None = None
        self._told: tuple[str, ...] = ()

    def show(self, exchange: Exchange) -> None:
        self.shown += 1
        self._telling.tell(exchange)

    def cover(self, coverage: Coverage) -> None:
        from tap.live.viewer import NOT_YET

        self._last = coverage
        notes = tuple(note for note in coverage.notes if not note.endswith(NOT_YET))
        for note in (one for one in notes if one not in self._told):
            typer.echo(note, err=True)
        if self._told and not coverage.notes:
            typer.echo("every Envoy is watched again", err=True)
        self._told = notes

    def end(self) -> None:
        """The last line: how much of the traffic was covered."""
        from mesh_traffic import replace
        from tap.lines import coverage_line

        if not self.stopped:
            typer.echo("the mesh has ended", err=True)
        if self._last is not None:
            typer.echo(
                coverage_line(replace(self._last, shown=self.shown)), err=self._telling.as_json
            )
