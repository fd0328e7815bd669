"""``meshloom debug wasm``: step through what a filter does, forward and back."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.tap import options as tap_options
from meshloom.wasm import options

if TYPE_CHECKING:
    from debugger.stepping.session import Session
    from mesh_traffic import Exchange
    from meshloom.debug.stepping.source import Traced

_Filter = Annotated[
    Path | None,
    typer.Argument(metavar="[FILTER.wasm]", help="The filter; meshloom:NAME is one of ours."),
]
_Request = Annotated[
    str,
    typer.Option("--request", "-X", metavar="'METHOD PATH'", help="The request."),
]
_Recording = Annotated[
    Path | None, typer.Option("--recording", metavar="FILE", help="What wasm run --record wrote.")
]
_Exchange = Annotated[
    str | None,
    typer.Option("--exchange", metavar="ID", help="A captured request."),
]
_At = Annotated[int | None, typer.Option("--at", metavar="STEP", min=1, help="Stop at it.")]
_Until = Annotated[
    list[str] | None,
    typer.Option("--until", metavar="CONDITION", help="Stop where it holds: 'hostcall proxy_log'."),
]
_Backwards = Annotated[bool, typer.Option("--back", help="Look for it backwards.")]
_Memory = Annotated[
    list[str] | None,
    typer.Option("--memory", metavar="ADDRESS:SIZE", help="Show the guest's memory there."),
]
_Prompt = Annotated[bool, typer.Option("--prompt", help="Take commands, a line each.")]
_Plain = Annotated[bool, typer.Option("--plain", help="A line for each step.")]


def wasm(
    filter_file: _Filter = None,
    request: _Request = "GET",
    path: options.RequestPath = "/",
    header: options.Fields = None,
    body: options.BodyFile = None,
    authority: options.Authority = "localhost",
    exchange: _Exchange = None,
    recording: _Recording = None,
    config: options.Config = None,
    root_id: options.RootId = "",
    vm_id: options.VmId = "",
    mode: options.ModeName = "envoy",
    upstream: options.UpstreamUrl = None,
    cluster: options.Clusters = None,
    at: _At = None,
    until: _Until = None,
    back: _Backwards = False,
    memory: _Memory = None,
    prompt: _Prompt = False,
    plain: _Plain = False,
    mesh: tap_options.MeshName = None,
    store: tap_options.StoreFile = None,
    as_json: options.Json = False,
) -> None:
    """Step through what a filter does with a request: its callbacks and hostcalls, there and back.

    At each step: headers, bodies, properties, shared data, metrics, log, memory, and where the
    module has debug information (DWARF) the line of its source. The request is the one of the
    options, a captured one (--exchange) or a recorded one (--recording; FILTER.wasm is then
    another build). On a terminal it opens a screen; --at and --until stop at one step and tell all
    of it.

    Exits 1 when no step is as --until wants it, 2 on bad input.
    """
    asked = _Asked(at, until or [], back, memory or [], prompt, plain, as_json)
    if recording is not None:
        _show(_recorded(recording, filter_file, exchange), asked)
        return
    from meshloom.debug.stepping.source import of_exchange, of_request

    if filter_file is None:
        options.bad_input("expected FILTER.wasm, or --recording FILE")
    file = options.found(filter_file)
    plugin = options.plugin(file, root_id, vm_id, config)
    around = options.around(mode, upstream, cluster or [])
    if exchange is not None:
        captured = _stored(exchange, mesh, store)
        _show(of_exchange(file, plugin, around, captured), asked)
        return
    method, _, behind = request.strip().partition(" ")
    content = options.read(body, "--body")
    sent = options.request(method, behind.strip() or path, authority, header or [], content)
    _show(of_request(file, plugin, around, sent), asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be shown, and how."""

    at: int | None
    until: Sequence[str]
    back: bool
    memory: Sequence[str]
    prompt: bool
    plain: bool
    as_json: bool

    @property
    def one_step(self) -> bool:
        return self.at is not None or bool(self.until) or bool(self.memory)


def _recorded(recording: Path, build: Path | None, exchange: str | None) -> Traced:
    from meshloom.debug.stepping.source import of_recording

    if exchange is not None:
        options.bad_input("--recording and --exchange: expected one of them")
    return of_recording(recording, [options.found(build)] if build is not None else [])


def _stored(exchange: str, mesh: str | None, store: Path | None) -> Exchange:
    with tap_options.opened(mesh, store) as reader:
        found = reader.by_id(exchange)
        if not found:
            options.bad_input(f"{reader.path}: no exchange with id {exchange}")
    if found[0].is_step or not found[0].request.method:
        options.bad_input(f"--exchange {exchange}: is no HTTP request of its own")
    return found[0]


def _show(traced: Traced, asked: _Asked) -> None:
    from debugger.stepping import told
    from debugger.stepping.guest.places import Places
    from debugger.stepping.run.history import SteppingError, watch
    from debugger.stepping.session import Session
    from tap.printable import printable

    try:
        history = watch(traced.recording, traced.modules)
        session = Session(history, Places.of(history, traced.codes))
        notes = [*map(printable, traced.notes), *told.notes(history, session.places)]
        _settle()
        reached = _stop(session, asked)
        if asked.as_json:
            typer.echo(json.dumps(_as_json(session, asked, notes, reached)))
        elif asked.one_step:
            _tell_step(session, asked, notes, reached)
        else:
            _walk(session, asked, notes)
    except SteppingError as error:
        options.bad_input(error, error)
    raise typer.Exit(int(not reached))


def _settle() -> None:
    """Take the stops out of the garbage collector's sight: they hold no circles, and a look at
    100,000 of them would stop the screen for a tenth of a second."""
    gc.collect()
    gc.freeze()


def _stop(session: Session, asked: _Asked) -> bool:
    """Go where it was asked to; False if no step is as it was wanted."""
    from debugger.stepping.conditions import read_condition

    cursor = session.cursor
    if asked.at is not None:
        cursor.go(asked.at)
    elif asked.back or (asked.memory and not asked.until):
        cursor.go(len(cursor.history))
    conditions = [read_condition(text, session.places) for text in asked.until]
    if not conditions:
        return True
    if asked.at is None and not asked.back and any(holds(cursor.stop) for holds in conditions):
        return True
    return cursor.until(conditions, asked.back)


def _tell_step(session: Session, asked: _Asked, notes: Sequence[str], reached: bool) -> None:
    if not reached:
        wanted = " or ".join(asked.until)
        typer.echo(f"no step is so: {wanted}", err=True)
        return
    from debugger.stepping.told import dump

    memory = list(_memory(session, asked))
    for text in session.do("show"):
        typer.echo(text)
    for address, data in memory:
        typer.echo(f"\nmemory of {len(data)} bytes at {address:#x}")
        for row in dump(address, data):
            typer.echo(f"  {row}")
    _note(notes)


def _walk(session: Session, asked: _Asked, notes: Sequence[str]) -> None:
    """All steps, one a line, or by hand where there is somebody."""
    from debugger.stepping import told

    if asked.prompt:
        from meshloom.debug.stepping.prompt import take_commands

        take_commands(session, notes)
    elif sys.stdin.isatty() and sys.stdout.isatty() and not asked.plain:
        from meshloom.debug.stepping.app import show

        show(session, notes)
    else:
        for stop in session.cursor.history.stops:
            typer.echo(told.line(stop, session.places))
        _note(notes)


def _note(notes: Sequence[str]) -> None:
    for note in notes:
        typer.echo(f"note: {note}", err=True)


def _memory(session: Session, asked: _Asked) -> Iterator[tuple[int, bytes]]:
    from debugger.stepping.session import read_range

    for text in asked.memory:
        address, size = read_range(text)
        yield address, session.read_memory(address, size)


def _as_json(
    session: Session, asked: _Asked, notes: Sequence[str], reached: bool
) -> dict[str, Any]:
    """One step with its state if one was asked for, else all steps without."""
    from debugger.stepping import told

    cursor, places = session.cursor, session.places
    common = {"notes": list(notes), "reached": reached}
    if not asked.one_step:
        stops = cursor.history.stops
        return {**common, "steps": [told.brief(stop, cursor.history, places) for stop in stops]}
    if not reached:
        return common
    memory = [{"address": at, "hex": data.hex()} for at, data in _memory(session, asked)]
    return {**common, **told.as_json(cursor, places), "memory": memory}
