"""Replays as the command runs them: found, asked for, sent, looked for in the store, and told."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from debugger.replay.replays import Replay, replays
from debugger.replay.request.chosen import NotOne, chosen
from debugger.replay.request.edit import Edit, outgoing
from debugger.replay.request.objections import (
    Objection,
    of_capture,
    of_host,
    of_request,
    to_be_asked,
)
from debugger.replay.seen import SLACK, entry, versions
from debugger.replay.sending import Sender
from debugger.replay.target import (
    LIVE,
    WASM,
    Target,
    TargetError,
    needs_mesh,
    target_of,
)

if TYPE_CHECKING:
    from mesh_traffic import Exchange
    from meshloom.state import RunningMesh
    from tap.compare import Rules
    from tap.content import Schema
    from tap.store import Reader

SEEN_WITHIN = 2.0  # seconds that a capture may take to be stored
LOOK_EVERY = 0.1
MAX_RELATED = 100  # captures of one request
IDS_AT_ONCE = 500  # SQLite takes so many values of a query, and more
STDOUT = Path("-")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was told."""

    to: str
    edit: Edit
    times: int
    rules: Rules
    schema: Schema | None
    as_test: Path | None
    yes: bool
    cut: bool
    as_json: bool
    config: bytes = b""
    root_id: str = ""

    @property
    def is_filter(self) -> bool:
        return self.to.startswith(WASM)


def bad_input(message: object, cause: Exception | None = None) -> NoReturn:
    """On standard error, and exit code 2."""
    typer.echo(f"meshloom debug replay: {message}", err=True)
    raise typer.Exit(2) from cause


def found(reader: Reader, ids: Sequence[str]) -> list[Exchange]:
    """The captures that are meant; an id that is none, or several, is bad input."""
    try:
        return [chosen(reader, id_) for id_ in ids]
    except NotOne as error:
        bad_input(error, error)


def run(reader: Reader, ids: Sequence[str], wanted: Wanted, mesh: str | None) -> bool:
    """Send them over the network. Whether all answers are as they were."""
    from meshloom.debug.replay_lines import lines, to_json

    exchanges = found(reader, ids)
    running = _running(wanted.to, mesh)
    plans = [_planned(each, wanted, running) for each in exchanges]
    _agree([each for plan in plans for each in plan.questions], wanted.yes)
    same, tests = True, []
    for plan in plans:
        came = asyncio.run(_sent(plan, wanted))
        if running is not None and plan.target.node:
            came = _looked(reader, running, plan.target, came)
        told = [json.dumps(to_json(came))] if wanted.as_json else lines(came, wanted.edit)
        for line in told:
            typer.echo(line)
        same = same and all(each.comparison.same for each in came)
        tests.append(came)
    if wanted.as_test is not None:
        write(wanted.as_test, _claims(tests))
    return same


@dataclass(frozen=True, slots=True)
class _Plan:
    exchange: Exchange
    target: Target
    questions: list[Objection]


def _running(to: str, mesh: str | None) -> RunningMesh | None:
    """The mesh that ``--to`` speaks of. Raises NoMesh, which the command line tells."""
    from meshloom.state import find_mesh

    return find_mesh(mesh) if needs_mesh(to) else None


def _planned(exchange: Exchange, wanted: Wanted, running: RunningMesh | None) -> _Plan:
    """Where it goes, and what is to be asked for. What can't be sent is bad input."""
    try:
        target = target_of(wanted.to, exchange, running.state if running else None)
    except TargetError as error:
        bad_input(f"{exchange.id}: {error}", error)
    if wanted.as_test is not None and wanted.to != LIVE:
        bad_input("--as-test: a claim is of a whole mesh, and goes with --to live or wasm:FILTER")
    request = outgoing(exchange, wanted.edit, "", target.authority).request
    objections = [
        *of_capture(exchange, wanted.edit, wanted.cut),
        *of_request(request),
        *of_host(target.host),
        *to_be_asked(request, wanted.times),
    ]
    refuse(exchange, [each for each in objections if not each.askable])
    return _Plan(exchange, target, [each for each in objections if each.askable])


def refuse(exchange: Exchange, objections: Sequence[Objection]) -> None:
    """All that stands against it at once; nothing if nothing does."""
    if objections:
        told = [f"{exchange.id}: {each}" for each in objections]
        bad_input("\nmeshloom debug replay: ".join(told))


def _agree(questions: Sequence[Objection], yes: bool) -> None:
    """Ask a person; where there is none, ``--yes`` has to have been said."""
    if not questions or yes:
        return
    texts = list(dict.fromkeys(map(str, questions)))
    if not sys.stdin.isatty():
        bad_input(f"{'; '.join(texts)}; say --yes to send it")
    for text in texts:
        typer.echo(text, err=True)
    typer.echo("send? [y/N] ", nl=False, err=True)  # typer.confirm writes to standard output, too
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Exit(2)


async def _sent(plan: _Plan, wanted: Wanted) -> list[Replay]:
    from tap.redact import Redactor

    async with Sender() as sender:
        sending = replays(
            sender,
            plan.exchange,
            wanted.edit,
            plan.target,
            Redactor(),
            wanted.rules,
            wanted.schema,
            wanted.times,
        )
        return [each async for each in sending]


def _looked(
    reader: Reader, running: RunningMesh, target: Target, came: Sequence[Replay]
) -> list[Replay]:
    """With what the mesh captured of each, as soon as it is stored; what does not come is left
    out, and so is all if the mesh stores nothing."""
    from meshloom.state import NoMesh
    from meshloom.tap.places import find_store
    from tap.store import Reader as Opened
    from tap.store import StoreError

    ids = [each.request_id for each in came if each.answer.response is not None]
    try:
        live = Opened(find_store(str(running.pid)))
    except (NoMesh, StoreError) as error:  # it was sent and answered: that is told all the same
        typer.echo(f"meshloom debug replay: what the mesh saw is not known: {error}", err=True)
        return list(came)
    with live:
        end = time.monotonic() + SEEN_WITHIN
        while not _all_seen(_captures(live, ids), came, target) and time.monotonic() < end:
            time.sleep(LOOK_EVERY)
        time.sleep(LOOK_EVERY)  # their other hops may be stored a moment later
        captures = _captures(live, ids)
    original = came[0].original
    before = versions(_captures(reader, [original.request_id]).get(original.request_id, ()))
    return [
        replace(
            each,
            seen=entry(captures.get(each.request_id, ()), target, each.began),
            versions=versions(
                one
                for one in captures.get(each.request_id, ())
                if one.started >= each.began - SLACK
            ),
            versions_before=before,
        )
        for each in came
    ]


def _all_seen(
    captures: Mapping[str, Sequence[Exchange]], came: Sequence[Replay], target: Target
) -> bool:
    return all(
        entry(captures.get(each.request_id, ()), target, each.began) is not None
        for each in came
        if each.answer.response is not None
    )


def _captures(reader: Reader, ids: Sequence[str]) -> dict[str, list[Exchange]]:
    """By request id. Many are looked for at once: a store has no index for them."""
    found: dict[str, list[Exchange]] = {}
    for at in range(0, len(ids), IDS_AT_ONCE):
        some = [one for one in ids[at : at + IDS_AT_ONCE] if one]
        for each in reader.related(some, [], time.time(), MAX_RELATED * len(some)):
            found.setdefault(each.request_id, []).append(each)
    return found


def _claims(tests: Sequence[Sequence[Replay]]) -> str:
    from debugger.replay.as_test.claim import claims

    told = []
    for came in tests:
        first, other = came[0], came[1] if len(came) > 1 else None
        response = first.answer.response
        if response is None:
            bad_input(f"--as-test: {first.original.id} got no answer: {first.answer.error}")
        second = other.answer.response if other is not None else None
        told.append((first.original, first.request, response, second))
    try:
        return claims(told)
    except ValueError as error:
        bad_input(f"--as-test: {error}", error)


def write(path: Path, text: str) -> None:
    """Readable by its owner only: what was set for a masked header is in it."""
    if path == STDOUT:
        typer.echo(text, nl=False)
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as file:
            file.write(text)
    except OSError as error:
        bad_input(f"--as-test {path}: {error.strerror}", error)
    typer.echo(f"test written to {path}", err=True)
