"""``meshloom wasm run``: one request through a filter, and what becomes of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshloom.wasm import options

if TYPE_CHECKING:
    from mesh_traffic import Headers, Request
    from meshloom.wasm.running import Around, Running
    from wasm_filters.config import PluginConfig
    from wasm_filters.dialect import Lean
    from wasm_filters.http.outcome import Outcome
    from wasm_filters.services.callouts import Callout
    from wasm_filters.tracing.trace import Trace

Record = Annotated[Path | None, typer.Option("--record", help="Write a recording to this file.")]
RecordSecrets = Annotated[
    bool,
    typer.Option("--record-secrets", help="Keep authorization, cookies and the like in it."),
]


def run(
    filter_file: options.FilterFile,
    header: options.Fields = None,
    request: options.Method = "GET",
    path: options.RequestPath = "/",
    authority: options.Authority = "localhost",
    body: options.BodyFile = None,
    config: options.Config = None,
    root_id: options.RootId = "",
    vm_id: options.VmId = "",
    mode: options.ModeName = "envoy",
    upstream: options.UpstreamUrl = None,
    cluster: options.Clusters = None,
    trace: options.ShowTrace = False,
    as_json: options.Json = False,
    record: Record = None,
    record_secrets: RecordSecrets = False,
) -> None:
    """Send one request through a filter, as Envoy would, and show what becomes of it.

    The upstream answers 200 without a body, unless --upstream names a server; --cluster names the
    servers that the filter can call. --record writes a file for "meshloom wasm replay".
    Exits 1 when the filter trapped or hung, 2 on bad input: no filter, no Proxy-Wasm module, a
    configuration that the filter refuses.
    """
    from wasm_filters.errors import WasmError

    sent = options.request(request, path, authority, header or [], options.read(body, "--body"))
    plugin = options.plugin(filter_file, root_id, vm_id, config)
    around = options.around(mode, upstream, cluster or [])
    running = _running(filter_file, plugin, around, trace, record, record_secrets)
    try:
        running.start()
    except WasmError as error:
        _show_trace(running.trace, as_json)
        options.refuse(error, filter_file)
    started = time.perf_counter()
    outcome = running.handle(sent)
    milliseconds = (time.perf_counter() - started) * 1000
    try:
        running.finish()
    except WasmError as error:
        options.bad_input(f"--record: {error}", error)
    _show_trace(running.trace, as_json)
    if as_json:
        typer.echo(json.dumps(_as_json(outcome, running.trace)))
    else:
        _show(outcome, sent, milliseconds)
    _fail(outcome)


def _running(
    file: Path,
    plugin: PluginConfig,
    around: Around,
    trace: bool,
    record: Path | None,
    with_secrets: bool,
) -> Running:
    from meshloom.wasm.running import Plain, Recorded

    if record is None:
        return Plain(file, plugin, around, trace)
    return Recorded(file, plugin, around, trace, record, with_secrets)


def _as_json(outcome: Outcome, trace: Trace | None) -> dict[str, Any]:
    response, request = outcome.response, outcome.request
    logs = [{"level": log.level.name.lower(), "message": log.message} for log in outcome.logs]
    found: dict[str, Any] = {
        "status": outcome.status,
        "request_headers": _listed(request.fields()) if request else None,
        "request_body": request.body.text if request else None,
        "response_headers": _listed(response.headers) if response else None,
        "body": response.body.text if response else None,
        "logs": logs,
        "local_reply": outcome.local_reply,
        "paused": outcome.paused or None,
        "reset": outcome.reset,
        "warnings": list(outcome.warnings),
        "leans": [_lean(lean) for lean in outcome.leans],
        "callouts": [_callout(callout) for callout in outcome.callouts],
        "failure": str(outcome.failure) if outcome.failure else None,
        "hostcalls": outcome.hostcalls,
    }
    if trace is not None:
        found["trace"] = trace.as_json()
    return found


def _lean(lean: Lean) -> dict[str, str]:
    found = lean.difference
    return {
        "difference": found.row,
        "callback": lean.callback,
        "envoy": found.envoy,
        "spec": found.spec,
    }


def _callout(callout: Callout) -> dict[str, Any]:
    answer, request = callout.response, callout.request
    return {
        "cluster": callout.cluster,
        "method": request.method,
        "path": request.path,
        "status": answer.status if answer else None,
    }


def _listed(fields: Headers) -> list[list[str]]:
    return [list(field) for field in fields]


def _show_trace(trace: Trace | None, as_json: bool) -> None:
    if trace is not None and not as_json:
        typer.echo(str(trace))


def _show(outcome: Outcome, sent: Request, milliseconds: float) -> None:
    status = outcome.status if outcome.status is not None else "no answer"
    typer.echo(f"{status}   {milliseconds:.2f} ms   {outcome.hostcalls} hostcalls{_note(outcome)}")
    if outcome.request is not None:
        _show_changes("request", sent.fields(), outcome.request.fields())
    if outcome.response is not None:
        _show_changes("response", None, outcome.response.headers)
        if outcome.response.body:
            typer.echo(f"  body      {outcome.response.body.text.rstrip()}")
    for callout in outcome.callouts:
        status = callout.response.status if callout.response else "no answer"
        call = f"{callout.cluster}  {callout.request.method} {callout.request.path}"
        typer.echo(f"  callout   {call}   {status}")
    for log in outcome.logs:
        typer.echo(f"  log       {log.level.name.lower()}: {log.message}")
    for warning in outcome.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for lean in outcome.leans:
        typer.echo(f"note: leans on Envoy: {lean}", err=True)


def _note(outcome: Outcome) -> str:
    if outcome.paused:
        return f"   paused in {outcome.paused}, and nothing resumes it"
    if outcome.reset:
        return "   the stream was reset"
    return "   answered by the filter" if outcome.local_reply else ""


def _show_changes(name: str, before: Headers | None, after: Headers) -> None:
    """One line per field that the filter took away or put there."""
    old, new = list(before or ()), [(field.lower(), value) for field, value in after]
    known = [(field.lower(), value) for field, value in old]
    for field, value in known:
        if (field, value) not in new:
            typer.echo(f"  {name:<9} - {field}: {value}")
    for field, value in new:
        if (field, value) not in known:
            typer.echo(f"  {name:<9} + {field}: {value}")


def _fail(outcome: Outcome) -> None:
    if outcome.failure is not None:
        typer.echo(f"meshloom: {outcome.failure}", err=True)
        for line in outcome.failure.backtrace.splitlines():
            typer.echo(f"  {line}", err=True)
        raise typer.Exit(1)
