"""``meshloom wasm replay``: a recorded filter again, or its new build, with the same world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.output import counted
from meshloom.wasm import options

if TYPE_CHECKING:
    from wasm_filters.module import Module
    from wasm_filters.recording.recording import Recording
    from wasm_filters.recording.replay import Replayed

RecordingFile = Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")]
Builds = Annotated[
    list[Path] | None,
    typer.Option(
        "--filter", metavar="F.wasm", help="Another build; of several filters one for each."
    ),
]


def replay(
    recording_file: RecordingFile, builds: Builds = None, as_json: options.Json = False
) -> None:
    """Run a recording again: the same clock, random numbers, requests and answers to callouts.

    Says "identical", or at which hostcall the filter departs, and what comes of it. Without
    --filter the module is read from the file that it was recorded from.

    Exits 0 when all is the same, 1 when something is not, 2 on bad input.
    """
    from wasm_filters.errors import WasmError
    from wasm_filters.recording.file import read
    from wasm_filters.recording.replay import replay as run_again

    try:
        recording = read(recording_file)
    except WasmError as error:
        options.bad_input(error, error)
    loaded = options.recorded_modules(recording, builds or [], recording_file)
    modules = [module for _, module in loaded]
    done = run_again(recording, modules)
    if as_json:
        typer.echo(json.dumps(_as_json(recording, modules, done)))
    else:
        _show(recording, modules, done)
    raise typer.Exit(int(not done.identical))


def _rebuilt(recording: Recording, modules: list[Module]) -> list[str]:
    """The names of the modules that are not the recorded ones."""
    pairs = zip(recording.header.plugins, modules, strict=True)
    return [module.name for plugin, module in pairs if module.sha256 != plugin.module.sha256]


def _show(recording: Recording, modules: list[Module], done: Replayed) -> None:
    for name in _rebuilt(recording, modules):
        typer.echo(f"{name} is another build than the recorded one")
    if done.identical:
        requests = counted(done.requests, "request")
        typer.echo(f"identical   {requests}   {counted(done.hostcalls, 'hostcall')}")
    _show_departure(recording, done)
    for number, change in done.differences:
        typer.echo(f"{_step(recording, number)}   {change}")
    if recording.header.masked and not done.identical:
        typer.echo(
            "secrets in this recording are placeholders: a filter that looks into them goes"
            " another way (--record-secrets keeps them)"
        )
    if done.unknown:
        calls = counted(done.unknown, "call")
        typer.echo(f"{calls} to services: not in the recording, so nobody answered")
    if recording.lost:
        lost = counted(recording.lost, "call")
        typer.echo(f"{lost} at the end: too many to be recorded, and not compared")


def _show_departure(recording: Recording, done: Replayed) -> None:
    found = done.departure
    if found is None:
        return
    where = f"in {found.callback}, {_step(recording, found.step)}"
    one = found.expected or found.came
    what = "callback" if one is not None and one.is_callback else f"hostcall {found.hostcall}"
    typer.echo(f"departs at {what}, {where}   (- recorded, + now)")
    for line in found.shown:
        typer.echo(f"  {line}")


def _step(recording: Recording, number: int) -> str:
    """``request 2``: a step as a person counts them."""
    kind = recording.steps[number - 1].action.kind
    same = sum(step.action.kind == kind for step in recording.steps[:number])
    return kind if kind == "start" else f"{kind} {same}"


def _as_json(recording: Recording, modules: list[Module], done: Replayed) -> dict[str, Any]:
    found = done.departure
    return {
        "identical": done.identical,
        "requests": done.requests,
        "hostcalls": done.hostcalls,
        "rebuilt": _rebuilt(recording, modules),
        "departure": found
        and {
            "step": _step(recording, found.step),
            "callback": found.callback,
            "hostcall": found.hostcall,
            "expected": found.expected and found.expected.model_dump(mode="json"),
            "came": found.came and found.came.model_dump(mode="json"),
            "lines": list(found.shown),
        },
        "differences": [
            {"step": _step(recording, number), **change.as_json()}
            for number, change in done.differences
        ],
        "masked": bool(recording.header.masked),
        "unanswered": done.unknown,
        "lost": recording.lost,
    }
