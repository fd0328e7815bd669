"""Captured requests through a filter under wasmtime: what it makes of them, and as a test file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from debugger.replay.request.objections import of_capture
from debugger.replay.target import WASM
from debugger.replay.through import after, arriving, through
from meshloom.debug.replaying import STDOUT, Wanted, bad_input, found, refuse, write
from tap.compare import Comparison, compare

if TYPE_CHECKING:
    from mesh_traffic import Exchange, Request, Response
    from tap.store import Reader
    from wasm_filters.filter import Filter
    from wasm_filters.http.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Passed:
    """One request that has gone through; ``captured`` answered as the upstream."""

    exchange: Exchange
    request: Request
    captured: Response
    outcome: Outcome
    comparison: Comparison


def run_filter(reader: Reader, ids: Sequence[str], wanted: Wanted) -> bool:
    """All of them through one filter each. Whether all answers are as they were."""
    from meshloom.debug.replay_lines import differences, heading

    named = wanted.to.removeprefix(WASM)
    file = _file(named)
    passed = [_passed(each, file, wanted) for each in found(reader, ids)]
    for each in passed:
        if wanted.as_json:
            typer.echo(json.dumps(_to_json(each, named)))
            continue
        typer.echo(heading(each.exchange))
        for line in _lines(each, named):
            typer.echo(line)
        for line in differences(each.comparison):
            typer.echo(line)
    if wanted.as_test is not None:
        write(wanted.as_test, _suite(passed, file, named, wanted))
    return all(each.comparison.same and each.outcome.failure is None for each in passed)


def _file(named: str) -> Path:
    from meshloom.wasm.options import found as found_filter

    return found_filter(Path(named))


def _passed(exchange: Exchange, file: Path, wanted: Wanted) -> Passed:
    """On a worker of its own, so that what one request leaves behind is not seen by the next."""
    from tap.redact import Redactor

    refuse(exchange, list(of_capture(exchange, wanted.edit, wanted.cut)))
    captured = exchange.response
    if captured is None:
        bad_input(f"{exchange.id}: no response was captured, so nothing answers behind the filter")
    request = arriving(exchange, wanted.edit)
    outcome = through(_filter(file, wanted), request, captured)
    came = Redactor()(after(exchange, request, outcome))
    return Passed(
        exchange, request, captured, outcome, compare(exchange, came, wanted.rules, wanted.schema)
    )


def _filter(file: Path, wanted: Wanted) -> Filter:
    from meshloom.wasm.options import refuse
    from wasm_filters.config import PluginConfig
    from wasm_filters.errors import WasmError
    from wasm_filters.filter import Filter

    config = PluginConfig(file.stem, wanted.root_id, wanted.config)
    try:
        return Filter.load(file, config=config)
    except WasmError as error:
        refuse(error, file)


def _lines(each: Passed, named: str) -> Iterator[str]:
    from tap.lines import printable

    outcome = each.outcome
    status = "no answer" if outcome.status is None else str(outcome.status)
    by = "   by the filter" if outcome.local_reply else ""
    yield printable(f"  {'through':<9}  {named}   {status}   {outcome.hostcalls} hostcalls{by}")
    for word, said in (("paused", outcome.paused), ("failed", str(outcome.failure or ""))):
        if said:
            yield printable(f"  {word:<9}  {said}")
    for log in outcome.logs:
        yield printable(f"  {'log':<9}  {log.level.name.lower()}: {log.message}")


def _to_json(each: Passed, named: str) -> dict[str, Any]:
    outcome = each.outcome
    return {
        "id": each.exchange.id,
        "filter": named,
        "status": outcome.status,
        "before": each.captured.status,
        "local_reply": outcome.local_reply,
        "paused": outcome.paused or None,
        "reset": outcome.reset,
        "failure": str(outcome.failure) if outcome.failure else None,
        **each.comparison.as_json(),
    }


def _suite(passed: Sequence[Passed], file: Path, named: str, wanted: Wanted) -> str:
    from debugger.replay.as_test.suite import suite

    target = wanted.as_test
    folder = Path() if target is None or target == STDOUT else target.parent
    head: dict[str, Any] = {"filter": named}
    if not named.startswith("meshloom:"):
        head["filter"] = os.path.relpath(file, folder)
    if wanted.root_id:
        head["root_id"] = wanted.root_id
    try:
        if wanted.config:
            head["configuration"] = wanted.config.decode()
        return suite(
            [(each.exchange, each.request, each.captured, each.outcome) for each in passed], head
        )
    except ValueError as error:
        bad_input(f"--as-test: {error}", error)
