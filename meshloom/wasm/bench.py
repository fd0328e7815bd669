"""``meshloom wasm bench``: what a filter costs, request by request and callback by callback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.wasm import options

if TYPE_CHECKING:
    from wasm_filters.http.outcome import Outcome
    from wasm_filters.measure import Measured

MAX_COUNT = 10_000_000
Count = Annotated[
    int, typer.Option("--count", "-n", min=1, max=MAX_COUNT, help="How many requests.")
]


def bench(
    filter_file: options.FilterFile,
    header: options.Fields = None,
    request: options.Method = "GET",
    path: options.RequestPath = "/",
    authority: options.Authority = "localhost",
    body: options.BodyFile = None,
    config: options.Config = None,
    root_id: options.RootId = "",
    vm_id: options.VmId = "",
    count: Count = 5000,
    as_json: options.Json = False,
) -> None:
    """Measure requests through a filter on this machine, one after the other in one VM.

    The upstream answers 200 without a body. The times of single callbacks are those of further
    requests that are timed inside. Exits 1 when a request kills the filter or is never answered, 2
    on bad input.
    """
    from wasm_filters.errors import WasmError
    from wasm_filters.filter import Filter
    from wasm_filters.measure import measure

    sent = options.request(request, path, authority, header or [], options.read(body, "--body"))
    plugin = options.plugin(filter_file, root_id, vm_id, config)
    try:
        loaded = Filter.load(filter_file, config=plugin)
    except WasmError as error:
        options.refuse(error, filter_file)
    found = measure(loaded, sent, count)
    typer.echo(json.dumps(_as_json(found)) if as_json else _text(found))
    _fail(found.outcome)


def _text(found: Measured) -> str:
    before, after = (size >> 10 for size in found.memory)
    lines = [
        f"request   {found.median:.1f} µs   {found.per_second:,.0f} requests/s"
        f"   best {found.best:.1f}   p99 {found.p99:.1f}   of {found.requests:,}"
    ]
    lines += [
        f"  {one.name:<32} {one.microseconds:8.1f} µs{_times(one.calls)}   "
        f"{one.hostcalls:g} hostcalls"
        for one in found.callbacks
    ]
    if found.hostcalls:
        lines.append("hostcalls of a request")
        lines += [f"  {name:<32} {number:8g}" for name, number in found.hostcalls.items()]
    grown = "" if before == after else "   it grew"
    return "\n".join([*lines, f"memory of the VM   {before:,} KiB, then {after:,} KiB{grown}"])


def _times(calls: float) -> str:
    return "" if calls == 1 else f" × {calls:g}"


def _as_json(found: Measured) -> dict[str, Any]:
    return {
        "requests": found.requests,
        "microseconds": {"median": found.median, "best": found.best, "p99": found.p99},
        "requests_per_second": found.per_second,
        "callbacks": {
            one.name: {
                "microseconds": one.microseconds,
                "calls": one.calls,
                "hostcalls": one.hostcalls,
            }
            for one in found.callbacks
        },
        "hostcalls": dict(found.hostcalls),
        "memory": {"before": found.memory[0], "after": found.memory[1]},
        "status": found.outcome.status,
    }


def _fail(outcome: Outcome) -> None:
    if outcome.failure is not None:
        typer.echo(f"meshloom: {outcome.failure}", err=True)
    elif outcome.paused:
        typer.echo(f"meshloom: paused in {outcome.paused}, and nothing resumes it", err=True)
    else:
        return
    raise typer.Exit(1)
